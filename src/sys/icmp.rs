//! Echo requests and answers of ICMP (RFC 792) and ICMPv6 (RFC 4443, section 4).

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Over IPv4.
    V4,
    /// Over IPv6.
    V6,
}

impl Version {
    const fn request(self) -> u8 {
        match self {
            Self::V4 => 8,
            Self::V6 => 128,
        }
    }

    const fn answer(self) -> u8 {
        match self {
            Self::V4 => 0,
            Self::V6 => 129,
        }
    }
}

/// The length of a request and its answer: a header, identifier, sequence number and token.
const LENGTH: usize = 16;

/// What a request carries, and its answer brings back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Echo {
    /// Tells the requests of this host apart. A datagram socket of Linux sends one of the kernel's instead (`net/ipv4/ping.c`).
    pub id: u16,
    /// Tells the requests with one identifier apart.
    pub sequence: u16,
    /// What nobody can know who has not seen the request.
    pub token: [u8; 8],
}

impl Echo {
    /// The request. The checksum of ICMPv6 covers the addresses, too, and is the kernel's to fill in (RFC 3542, section 3.1).
    #[must_use]
    pub fn request(&self, version: Version) -> [u8; LENGTH] {
        self.message(version, version.request())
    }

    /// What would be answered to the request.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn reply(&self, version: Version) -> [u8; LENGTH] {
        self.message(version, version.answer())
    }

    fn message(&self, version: Version, kind: u8) -> [u8; LENGTH] {
        let mut message = [0; LENGTH];
        message[0] = kind;
        message[4..6].copy_from_slice(&self.id.to_be_bytes());
        message[6..8].copy_from_slice(&self.sequence.to_be_bytes());
        message[8..].copy_from_slice(&self.token);
        if version == Version::V4 {
            let sum = !sum(&message);
            message[2..4].copy_from_slice(&sum.to_be_bytes());
        }
        message
    }

    /// Reads an answer, without the header of IP; `None` if it is anything else, broken, or not of a request's length.
    #[must_use]
    pub fn answered(version: Version, message: &[u8]) -> Option<Self> {
        let message: &[u8; LENGTH] = message.try_into().ok()?;
        // Of ICMPv6 the kernel checks the sum. Of ICMP not every kernel does before a raw socket has its copy.
        let intact = version == Version::V6 || sum(message) == u16::MAX;
        let [kind, code, _, _, id0, id1, sequence0, sequence1, token @ ..] = *message;
        (intact && kind == version.answer() && code == 0).then_some(Self {
            id: u16::from_be_bytes([id0, id1]),
            sequence: u16::from_be_bytes([sequence0, sequence1]),
            token,
        })
    }
}

/// What follows the header of an IPv4 packet of ICMP, as a raw socket receives it; `None` if it is no such packet.
///
/// The lengths in the header are not looked at: they are in another byte order, or less the header, on some kernels.
#[must_use]
pub fn without_ipv4_header(packet: &[u8]) -> Option<&[u8]> {
    const ICMP: u8 = 1;
    let (version, words) = (packet.first()? >> 4, packet.first()? & 0xf);
    let header = usize::from(words) * 4;
    (version == 4 && words >= 5 && *packet.get(9)? == ICMP).then(|| packet.get(header..))?
}

/// The sum of RFC 1071, not yet inverted: of a message with its checksum it is 0xffff.
fn sum(message: &[u8; LENGTH]) -> u16 {
    let words = message.chunks_exact(2).map(|word| u32::from(u16::from_be_bytes([word[0], word[1]])));
    let sum: u32 = words.sum();
    let sum = (sum & 0xffff) + (sum >> 16);
    // The first fold leaves at most 0x1fffe - 0xffff in the upper half, so a second one is enough.
    u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ECHO: Echo = Echo { id: 0x1234, sequence: 1, token: *b"abcdefgh" };

    #[test]
    fn a_request_is_what_the_standard_says() {
        let request = ECHO.request(Version::V4);
        assert_eq!(request[..2], [8, 0]);
        assert_eq!(request[4..], *b"\x12\x34\x00\x01abcdefgh");
        let words = [0x0800u32, 0x1234, 0x0001, 0x6162, 0x6364, 0x6566, 0x6768].iter().sum::<u32>();
        let folded = (words & 0xffff) + (words >> 16);
        assert_eq!(u16::from_be_bytes([request[2], request[3]]), !u16::try_from(folded).unwrap());
        assert_eq!(ECHO.request(Version::V6)[..4], [128, 0, 0, 0]);
    }

    #[test]
    fn an_answer_brings_back_what_was_sent_and_nothing_else_is_one() {
        for version in [Version::V4, Version::V6] {
            let answer = ECHO.reply(version);
            assert_eq!(Echo::answered(version, &answer), Some(ECHO));
            assert_eq!(Echo::answered(version, &ECHO.request(version)), None, "our own request, on the loopback");
            assert_eq!(Echo::answered(version, &answer[..15]), None);
            assert_eq!(Echo::answered(version, &[&answer[..], &[0]].concat()), None);
            let mut unreachable = answer;
            unreachable[0] = if version == Version::V4 { 3 } else { 1 };
            assert_eq!(Echo::answered(version, &unreachable), None);
            let mut coded = answer;
            coded[1] = 1;
            assert_eq!(Echo::answered(version, &coded), None);
        }
        let mut broken = ECHO.reply(Version::V4);
        broken[12] ^= 1;
        assert_eq!(Echo::answered(Version::V4, &broken), None, "the checksum is wrong");
        assert_eq!(Echo::answered(Version::V6, &ECHO.reply(Version::V4)), None);
    }

    #[test]
    fn the_header_of_ipv4_may_have_options_and_must_be_whole() {
        let header = |words: u8, protocol: u8| {
            let mut packet = vec![0; usize::from(words) * 4];
            (packet[0], packet[9]) = (0x40 | words, protocol);
            packet
        };
        for words in [5, 6, 15] {
            let packet = [&header(words, 1)[..], b"rest"].concat();
            assert_eq!(without_ipv4_header(&packet), Some(&b"rest"[..]));
        }
        assert_eq!(without_ipv4_header(&header(5, 1)), Some(&b""[..]));
        assert_eq!(without_ipv4_header(&header(5, 17)), None);
        assert_eq!(without_ipv4_header(&header(6, 1)[..20]), None);
        let mut short = header(5, 1);
        short[0] = 0x44;
        assert_eq!(without_ipv4_header(&short), None);
        short[0] = 0x65;
        assert_eq!(without_ipv4_header(&short), None);
        assert_eq!(without_ipv4_header(&[0x45]), None);
        assert_eq!(without_ipv4_header(&[]), None);
    }
}
