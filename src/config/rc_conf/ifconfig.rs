//! The arguments of ifconfig(8) that rc.conf(5) holds, as far as CARP is in them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use zeroize::Zeroizing;

use crate::model::{AdvBase, AdvSkew, Vhid};
use crate::sys::carp_netlink::{GROUP4, GROUP6};

/// One call of ifconfig(8) about a vhid. What it does not say stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carp {
    /// The vhid.
    pub vhid: Vhid,
    /// The address that it is given.
    pub address: Option<IpAddr>,
    /// The length of the address's prefix.
    pub prefix: Option<u8>,
    /// Seconds between adverts.
    pub advbase: Option<AdvBase>,
    /// In 1/256 s.
    pub advskew: Option<AdvSkew>,
    /// The password.
    pub pass: Option<Zeroizing<String>>,
    /// Where IPv4 adverts go, `Some(None)` is to the multicast group.
    pub peer: Option<Option<Ipv4Addr>>,
    /// Where IPv6 adverts go, `Some(None)` is to the multicast group.
    pub peer6: Option<Option<Ipv6Addr>>,
    /// It is to speak VRRP.
    pub vrrp: bool,
    /// There is more than CARP in it, such as an MTU.
    pub more: bool,
}

/// Splits the value of `ifconfig_IF_aliases` or `ifconfig_IF_aliasN` into calls, as `ifalias_af_common()` of network.subr does:
/// each begins with its address family, and an alias without one is taken for IPv4.
pub(super) fn components(value: &str, lone: bool) -> Vec<Zeroizing<String>> {
    let mut components: Vec<Zeroizing<String>> = Vec::new();
    for word in value.split_whitespace() {
        let family = matches!(word, "inet" | "inet6" | "link" | "ether");
        if family || components.is_empty() {
            // No part is longer than the whole, so that none leaves a copy behind while it grows.
            components.push(Zeroizing::new(String::with_capacity(value.len() + 5)));
            if !family && lone {
                components.iter_mut().for_each(|component| component.push_str("inet"));
            }
        }
        if let Some(component) = components.last_mut() {
            if !component.is_empty() {
                component.push(' ');
            }
            component.push_str(word);
        }
    }
    components
}

/// Reads one call; `None` if it is not about a vhid.
///
/// # Errors
/// Why it is not understood, without a word of it: one of them may be a password in the wrong place.
pub(super) fn read(call: &str) -> Option<Result<Carp, &'static str>> {
    let words: Vec<&str> = call.split_whitespace().collect();
    let at = words.iter().position(|word| *word == "vhid")?;
    // The scripts let the shell read the arguments a second time.
    if call.contains(['\\', '"', '\'', '$', '`', ';', '&', '|', '<', '>', '(', ')']) {
        return Some(Err("the shell would read its quotes and signs a second time"));
    }
    let Some(vhid) = words.get(at + 1).and_then(|number| number.parse().ok()) else {
        return Some(Err("its vhid is not a number from 1 to 255"));
    };
    let mut call = Carp {
        vhid,
        address: None,
        prefix: None,
        advbase: None,
        advskew: None,
        pass: None,
        peer: None,
        peer6: None,
        vrrp: false,
        more: false,
    };
    Some(call.take_all(&words).map(|()| call))
}

impl Carp {
    fn take_all(&mut self, words: &[&str]) -> Result<(), &'static str> {
        let mut words = words.iter().copied();
        let mut deleted = false;
        while let Some(word) = words.next() {
            match word {
                "inet" | "inet6" | "alias" | "add" | "up" => {}
                "-alias" | "delete" | "remove" => deleted = true,
                "mcast" => self.peer = Some(None),
                "mcast6" => self.peer6 = Some(None),
                word if with_argument(word) => {
                    let argument = words.next().ok_or("its last word needs another one behind it")?;
                    self.option(word, argument)?;
                }
                word => self.address_or_more(word)?,
            }
        }
        if deleted {
            return Err("it takes an address away");
        }
        match (self.address, self.prefix) {
            // ifconfig(8) refuses an IPv4 address without a length, and takes 64 for an IPv6 one.
            (Some(IpAddr::V4(_)), None) => Err("its address has no prefix length"),
            (Some(IpAddr::V6(_)), None) => {
                self.prefix = Some(64);
                Ok(())
            }
            (Some(address), Some(prefix)) if IpNet::new(address, prefix).is_err() => {
                Err("its prefix length does not go with its address")
            }
            _ => Ok(()),
        }
    }

    fn option(&mut self, word: &str, argument: &str) -> Result<(), &'static str> {
        match word {
            "advbase" => {
                self.advbase = Some(number(argument).and_then(AdvBase::new).ok_or("its advbase is not 1 to 255")?)
            }
            "advskew" => {
                self.advskew = Some(number(argument).and_then(AdvSkew::new).ok_or("its advskew is not 0 to 254")?)
            }
            "pass" => self.pass = Some(Zeroizing::new(argument.to_owned())),
            "peer" => {
                let peer: Ipv4Addr = argument.parse().map_err(|_| "its peer is not an IPv4 address")?;
                self.peer = Some((peer != GROUP4).then_some(peer));
            }
            "peer6" => {
                let peer: Ipv6Addr = argument.parse().map_err(|_| "its peer6 is not an IPv6 address")?;
                self.peer6 = Some((peer != GROUP6).then_some(peer));
            }
            "carpver" => self.vrrp = argument == "3",
            "vrrpprio" | "vrrpinterval" => self.vrrp = true,
            "prefixlen" => {
                let length = number(argument).and_then(|length| u8::try_from(length).ok());
                self.prefix = Some(length.ok_or("its prefixlen is not a number")?);
            }
            "netmask" => self.prefix = Some(netmask(argument).ok_or("its netmask is not understood")?),
            "vhid" | "broadcast" => {}
            "state" => return Err("it forces a state"),
            _ => self.more = true,
        }
        Ok(())
    }

    fn address_or_more(&mut self, word: &str) -> Result<(), &'static str> {
        let (text, prefix) = word.split_once('/').map_or((word, None), |(text, prefix)| (text, Some(prefix)));
        // The zone of a link-local address is the interface itself.
        let text = text.split_once('%').map_or(text, |(text, _)| text);
        let Ok(address) = text.parse::<IpAddr>() else {
            let range = word.contains('/') && word.contains('-');
            self.more = true;
            return if range { Err("it has a range of addresses") } else { Ok(()) };
        };
        if self.address.replace(address).is_some() {
            return Err("it has more than one address");
        }
        if let Some(prefix) = prefix {
            self.prefix = Some(prefix.parse().map_err(|_| "its prefix length is not a number")?);
        }
        Ok(())
    }
}

/// The words of ifconfig(8) that another one belongs to, as far as they are met beside a vhid.
fn with_argument(word: &str) -> bool {
    const WORDS: [&str; 27] = [
        "vhid",
        "advbase",
        "advskew",
        "pass",
        "peer",
        "peer6",
        "state",
        "carpver",
        "vrrpprio",
        "vrrpinterval",
        "netmask",
        "prefixlen",
        "broadcast",
        "mtu",
        "metric",
        "media",
        "mediaopt",
        "fib",
        "tunnelfib",
        "description",
        "descr",
        "group",
        "lladdr",
        "ether",
        "vltime",
        "pltime",
        "name",
    ];
    WORDS.contains(&word)
}

fn number(text: &str) -> Option<u32> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// `255.255.255.0` or `0xffffff00`.
fn netmask(text: &str) -> Option<u8> {
    let bits = match text.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => text.parse::<Ipv4Addr>().ok()?.to_bits(),
    };
    u8::try_from(bits.leading_ones()).ok().filter(|_| bits.count_ones() == bits.leading_ones())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carp(call: &str) -> Carp {
        read(call).unwrap().unwrap()
    }

    #[test]
    fn every_form_of_the_handbook_is_understood() {
        for (call, address) in [
            ("inet vhid 1 advskew 100 pass testpass alias 192.168.1.50/32", "192.168.1.50/32"),
            ("vhid 1 advskew 100 pass testpass alias 192.168.1.50/32", "192.168.1.50/32"),
            ("inet 192.168.1.50 netmask 255.255.255.0 vhid 1 pass testpass advskew 100", "192.168.1.50/24"),
            ("inet 192.168.1.50 netmask 0xffffff00 vhid 1 pass testpass advskew 100 up", "192.168.1.50/24"),
            ("inet6 2001:db8::1 prefixlen 48 vhid 1 advskew 100 pass testpass", "2001:db8::1/48"),
            ("inet6 2001:db8::1 vhid 1 advskew 100 pass testpass", "2001:db8::1/64"),
            ("inet6 fe80::1%em0/64 vhid 1 advskew 100 pass testpass", "fe80::1/64"),
        ] {
            let read = carp(call);
            let net = IpNet::new(read.address.unwrap(), read.prefix.unwrap()).unwrap();
            assert_eq!((net.to_string().as_str(), read.vhid.get(), read.more), (address, 1, false), "{call}");
            assert_eq!((read.advskew, read.advbase), (AdvSkew::new(100), None));
            assert_eq!(read.pass.unwrap().as_str(), "testpass");
        }
    }

    #[test]
    fn peers_and_vrrp_are_told() {
        let read = carp("inet vhid 1 peer 192.0.2.3 192.0.2.1/24");
        assert_eq!((read.peer, read.address), (Some("192.0.2.3".parse().ok()), "192.0.2.1".parse().ok()));
        assert_eq!(carp("vhid 1 mcast peer6 ff02::12").peer6, Some(None));
        assert_eq!(carp("vhid 1 mcast").peer, Some(None));
        assert!(carp("vhid 30 carpver 3 vrrpprio 150 192.0.2.1/24").vrrp && !carp("vhid 1 carpver 2").vrrp);
    }

    #[test]
    fn what_is_no_carp_is_none_and_what_is_beside_it_is_told() {
        assert!(read("inet 192.0.2.1/24").is_none() && read("DHCP").is_none() && read("").is_none());
        let read = carp("inet 192.0.2.1/24 mtu 9000 vhid 1 -tso");
        assert!(read.more && read.address == "192.0.2.1".parse().ok());
    }

    #[test]
    fn what_is_not_understood_says_why_and_never_what() {
        for call in [
            "inet vhid 0 pass hush 192.0.2.1/24",
            "inet vhid 1 advskew 255 pass hush 192.0.2.1/24",
            "inet vhid 1 pass hush 192.0.2.1",
            "inet vhid 1 pass hush 192.0.2.1/33",
            "inet vhid 1 pass hush 192.0.2.1/x",
            "inet vhid 1 pass hush 192.0.2.1/24 192.0.2.2/24",
            "inet vhid 1 pass hush 192.0.2.1-5/24",
            "inet vhid 1 pass 'hush hush' 192.0.2.1/24",
            "inet vhid 1 pass hush 192.0.2.1/24 netmask 255.0.255.0",
            "inet vhid 1 pass hush 192.0.2.1/24 -alias",
            "inet vhid 1 pass hush 192.0.2.1/24 state master",
            "inet vhid 1 192.0.2.1/24 pass",
        ] {
            let why = read(call).unwrap().unwrap_err();
            assert!(!why.contains("hush"), "{call}");
        }
    }

    #[test]
    fn aliases_are_split_at_their_families() {
        let split = |value, lone| components(value, lone).iter().map(|c| c.to_string()).collect::<Vec<_>>();
        assert_eq!(
            split("inet 192.0.2.1/24 vhid 1 pass x\n\tinet6 2001:db8::1/64 vhid 1", false),
            ["inet 192.0.2.1/24 vhid 1 pass x", "inet6 2001:db8::1/64 vhid 1"]
        );
        assert_eq!(split("192.0.2.1/24 vhid 1", true), ["inet 192.0.2.1/24 vhid 1"]);
        assert!(split("", true).is_empty());
    }
}
