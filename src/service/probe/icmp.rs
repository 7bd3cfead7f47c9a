//! Sends an echo request and waits for its answer, as ping(8) does.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::net::{IpAddr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::OwnedFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::net::if_::if_nametoindex;
use nix::sys::socket::{AddressFamily, SockFlag, SockProtocol, SockType, socket};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use crate::config::settings::PingTarget;
use crate::sys::icmp::{Echo, Version, without_ipv4_header};

pub(super) async fn look(target: &PingTarget, limit: Duration) -> Result<String, String> {
    match timeout(limit, ask(target)).await {
        Ok(result) => result.map(|()| format!("{target} answers")),
        Err(_) => Err(format!("{target} did not answer within {limit:?}")),
    }
}

async fn ask(target: &PingTarget) -> Result<(), String> {
    let to = address(target)?;
    let (socket, kind) = open(to).map_err(not_opened)?;
    // A socket for ICMP sends to addresses and receives from them as one for UDP does, only without ports.
    let socket = UdpSocket::from_std(socket.into()).map_err(|error| error.to_string())?;
    let token = RandomState::new().build_hasher().finish().to_be_bytes();
    let echo = Echo { id: u16::from_be_bytes([token[0], token[1]]), sequence: 1, token };
    let sent = socket.send_to(&echo.request(version(to)), to).await;
    sent.map_err(|error| format!("{target} cannot be sent to: {error}"))?;
    // A raw socket receives all that comes for anybody, so there may be much before the answer.
    let mut buffer = [0; 256];
    loop {
        let (length, from) = socket.recv_from(&mut buffer).await.map_err(|error| format!("{target}: {error}"))?;
        let packet = buffer.get(..length).unwrap_or_default();
        if from.ip() == to.ip() && answers(&echo, kind, version(to), packet) {
            return Ok(());
        }
    }
}

/// A socket for ICMP. A raw one needs root; a datagram one, which Linux and macOS have, does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Raw,
    Datagram,
}

fn open(to: SocketAddr) -> Result<(OwnedFd, Kind), Errno> {
    let (family, protocol) = match to {
        SocketAddr::V4(_) => (AddressFamily::Inet, SockProtocol::Icmp),
        SocketAddr::V6(_) => (AddressFamily::Inet6, SockProtocol::IcmpV6),
    };
    let socket = |kind| socket(family, kind, SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC, protocol);
    match socket(SockType::Raw) {
        Err(Errno::EPERM | Errno::EACCES) if cfg!(not(target_os = "freebsd")) => {
            socket(SockType::Datagram).map(|socket| (socket, Kind::Datagram))
        }
        result => result.map(|socket| (socket, Kind::Raw)),
    }
}

fn not_opened(errno: Errno) -> String {
    match errno {
        Errno::EPERM | Errno::EACCES => {
            "carpd may not send ICMP; run it as root, and in a jail with allow.raw_sockets".to_owned()
        }
        errno => format!("there is no socket for ICMP: {errno}"),
    }
}

fn address(target: &PingTarget) -> Result<SocketAddr, String> {
    Ok(match target.address() {
        IpAddr::V4(address) => SocketAddrV4::new(address, 0).into(),
        IpAddr::V6(address) => {
            let scope = target.zone().map_or(Ok(0), |zone| if_nametoindex(zone.as_str()));
            let scope = scope.map_err(|_| format!("{target}: there is no such interface"))?;
            SocketAddrV6::new(address, 0, 0, scope).into()
        }
    })
}

const fn version(to: SocketAddr) -> Version {
    if to.is_ipv4() { Version::V4 } else { Version::V6 }
}

fn answers(echo: &Echo, kind: Kind, version: Version, packet: &[u8]) -> bool {
    let message = match (kind, version) {
        (Kind::Raw, Version::V4) => without_ipv4_header(packet),
        _ => Some(packet),
    };
    message.and_then(|message| Echo::answered(version, message)).is_some_and(|answer| match kind {
        Kind::Raw => answer == *echo,
        // The kernel sends an identifier of its own, and delivers the answers with that one only.
        Kind::Datagram => Echo { id: echo.id, ..answer } == *echo,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_loopback_answers_over_ipv4_and_ipv6() {
        for target in ["127.0.0.1", "::1"] {
            let target: PingTarget = target.parse().unwrap();
            let found = look(&target, Duration::from_secs(10)).await;
            // Who may not send ICMP is told so; a host without IPv6 says it has no such address.
            let excuses = ["may not send ICMP", "cannot be sent to", "no socket"];
            assert!(
                found.as_deref() == Ok(&format!("{target} answers"))
                    || found.as_ref().is_err_and(|why| excuses.iter().any(|excuse| why.contains(excuse))),
                "{found:?}"
            );
        }
    }

    #[tokio::test]
    async fn an_interface_that_is_not_there_is_named() {
        let target: PingTarget = "fe80::1%carpd-none0".parse().unwrap();
        assert!(look(&target, Duration::from_secs(10)).await.unwrap_err().contains("no such interface"));
    }

    #[test]
    fn only_the_answer_to_this_very_request_counts() {
        let echo = Echo { id: 7, sequence: 1, token: [9; 8] };
        let packet =
            |echo: Echo| [&[0x45u8, 0, 0, 0, 0, 0, 0, 0, 64, 1][..], &[0; 10], &echo.reply(Version::V4)].concat();
        assert!(answers(&echo, Kind::Raw, Version::V4, &packet(echo)));
        for other in [Echo { id: 8, ..echo }, Echo { sequence: 2, ..echo }, Echo { token: [8; 8], ..echo }] {
            assert!(!answers(&echo, Kind::Raw, Version::V4, &packet(other)), "{other:?}");
            assert!(!answers(&echo, Kind::Raw, Version::V6, &other.reply(Version::V6)), "{other:?}");
        }
        assert!(answers(&echo, Kind::Raw, Version::V6, &echo.reply(Version::V6)));
        assert!(answers(&echo, Kind::Datagram, Version::V4, &Echo { id: 8, ..echo }.reply(Version::V4)));
        assert!(!answers(&echo, Kind::Datagram, Version::V4, &Echo { sequence: 2, ..echo }.reply(Version::V4)));
        assert!(!answers(&echo, Kind::Raw, Version::V4, &echo.reply(Version::V4)), "there is no header");
        assert!(!answers(&echo, Kind::Raw, Version::V4, &packet(echo)[..30]));
    }
}
