//! The kinds of findings about carpd.toml: C100 to C199.

use crate::config::{Code, Entry, Severity};

pub(crate) const UNREADABLE: Entry = Entry {
    code: Code(100),
    severity: Severity::Error,
    title: "the file cannot be read",
    explanation: "carpd needs its configuration file. It is looked for where `--config` says, or at /usr/local/etc/carpd/carpd.toml. A directory, a device and a pipe are refused as well, since reading them may never end.",
};

pub(crate) const TOO_LARGE: Entry = Entry {
    code: Code(101),
    severity: Severity::Error,
    title: "the file is too large",
    explanation: "A configuration is a few hundred lines. More than 1 MiB is something else, such as a log or a core file, and is not read.",
};

pub(crate) const NOT_UTF8: Entry = Entry {
    code: Code(102),
    severity: Severity::Error,
    title: "the file is not UTF-8 text",
    explanation: "TOML is UTF-8 by definition. A file saved in another encoding, or a binary file, has bytes that are no text; the finding names the line of the first one.",
};

pub(crate) const SYNTAX: Entry = Entry {
    code: Code(103),
    severity: Severity::Error,
    title: "this is not TOML",
    explanation: "The text breaks TOML's grammar: a string without its closing quote, a key twice in one table, a header twice. The line is where the reader noticed it; the cause may stand just above. See https://toml.io/.",
};

pub(crate) const TOO_MANY: Entry = Entry {
    code: Code(104),
    severity: Severity::Error,
    title: "there are more findings than are shown",
    explanation: "After the first few hundred findings the rest is only counted. Usually the file is not a carpd.toml at all.",
};

pub(crate) const UNKNOWN_KEY: Entry = Entry {
    code: Code(110),
    severity: Severity::Error,
    title: "a key that carpd does not know",
    explanation: "carpd refuses what it does not understand: a mistyped `settle` would otherwise be the default, silently, until the day of a failover. carpd.toml.sample lists every key.",
};

pub(crate) const WRONG_TYPE: Entry = Entry {
    code: Code(111),
    severity: Severity::Error,
    title: "a value of the wrong kind",
    explanation: "For example a number in quotes, a duration without them, or a single bracket where a list of tables needs two. The finding says what stands there and what has to.",
};

pub(crate) const OUT_OF_RANGE: Entry = Entry {
    code: Code(112),
    severity: Severity::Error,
    title: "a value outside its range",
    explanation: "Ranges come from the kernel (vhid 1 to 255, advbase 1 to 255, advskew 0 to 254: carp(4)) or keep a promise of carpd's (a missed event is noticed within 5 s, so `poll` is at most that).",
};

pub(crate) const NOT_A_CHOICE: Entry = Entry {
    code: Code(113),
    severity: Severity::Error,
    title: "a word that is not one of the choices",
    explanation: "The key takes one of a few words, in lower case. The finding lists them.",
};

pub(crate) const MISSING: Entry = Entry {
    code: Code(114),
    severity: Severity::Error,
    title: "a key that has no default is missing",
    explanation: "Most keys have a default. This one names something only the administrator knows.",
};

pub(crate) const MALFORMED: Entry = Entry {
    code: Code(115),
    severity: Severity::Error,
    title: "a value that cannot be read as what it stands for",
    explanation: "An interface name has 1 to 15 letters, digits, '.', '_' or '-'; a vhid is written with its interface, as in 1@vtnet0; a duration has a unit, as in 1m30s; an address of a vhid has its prefix length, as in 192.0.2.1/24.",
};

pub(crate) const RELATIVE_PATH: Entry = Entry {
    code: Code(116),
    severity: Severity::Error,
    title: "a path that is not absolute",
    explanation: "The daemon's working directory and PATH are not those of the shell it was tried in. A path that begins with a slash means the same everywhere.",
};

pub(crate) const EMPTY: Entry = Entry {
    code: Code(117),
    severity: Severity::Error,
    title: "a list that may not be empty",
    explanation: "A service that follows nothing has no role, a vhid without an address stays in INIT for ever (carp(4)), and a command without words runs nothing.",
};

pub(crate) const NO_EFFECT: Entry = Entry {
    code: Code(120),
    severity: Severity::Warning,
    title: "a key that has no effect here",
    explanation: "The key is known, but another setting makes it idle; for example `[pfsync]` while `vips.source` is \"kernel\". Whoever wrote it expects something that will not happen.",
};

pub(crate) const SERVICE_TWICE: Entry = Entry {
    code: Code(121),
    severity: Severity::Error,
    title: "two services of one name",
    explanation: "Names tell services apart in the status, in commands and in the journal.",
};

pub(crate) const VHID_TWICE: Entry = Entry {
    code: Code(122),
    severity: Severity::Error,
    title: "two definitions of one vhid",
    explanation: "A vhid is one virtual host per interface. All its addresses belong into one `[[vips.vhid]]`; on another interface the same number is another vhid.",
};

pub(crate) const ADDRESS_TWICE: Entry = Entry {
    code: Code(123),
    severity: Severity::Error,
    title: "one address in two places",
    explanation: "An address belongs to one vhid. The kernel would move it to the last one that claims it, and bounce both.",
};

pub(crate) const PROBE_TWICE: Entry = Entry {
    code: Code(124),
    severity: Severity::Error,
    title: "two probes of one name in a service",
    explanation: "Names tell probes apart in the status, in metrics and in the ledger's reasons.",
};

pub(crate) const FOLLOW_TWICE: Entry = Entry {
    code: Code(125),
    severity: Severity::Warning,
    title: "a service names one vhid twice",
    explanation: "With `require = \"all\"` and with \"any\" alike the second mention changes nothing; perhaps another vhid was meant.",
};

pub(crate) const SCRIPT_TWICE: Entry = Entry {
    code: Code(126),
    severity: Severity::Warning,
    title: "two services drive one rc script",
    explanation: "Each would start and stop the other's processes whenever their roles differ.",
};

pub(crate) const UNDECLARED_VHID: Entry = Entry {
    code: Code(130),
    severity: Severity::Error,
    title: "a service follows a vhid that nobody declares",
    explanation: "The vhid is neither in `[[vips.vhid]]` nor, with OPNsense, among its CARP addresses, so it would be absent for ever and the service never active. With OPNsense the interface may be written by its key, as in 1@wan.",
};

pub(crate) const UNCHECKED_VHID: Entry = Entry {
    code: Code(131),
    severity: Severity::Note,
    title: "the followed vhids cannot be checked here",
    explanation: "With `vips.source = \"kernel\"` no file says which vhids exist. A mistyped one shows as absent in `carpctl status`, and its service stays on standby.",
};

pub(crate) const NO_DRIVER: Entry = Entry {
    code: Code(132),
    severity: Severity::Error,
    title: "a service without a driver",
    explanation: "Exactly one of `[service.exec]` and `[service.rc]` says how the service is made active and standby.",
};

pub(crate) const TWO_DRIVERS: Entry = Entry {
    code: Code(133),
    severity: Severity::Error,
    title: "a service with two drivers",
    explanation: "Both would act on the same service, and neither would know what the other did.",
};

pub(crate) const NO_PROGRAM: Entry = Entry {
    code: Code(140),
    severity: Severity::Warning,
    title: "a program that is not there",
    explanation: "The path names nothing, or not a file that can be executed. Every start would fail; it is a warning only because a package may bring it later.",
};

pub(crate) const OPEN_PROGRAM: Entry = Entry {
    code: Code(141),
    severity: Severity::Warning,
    title: "a program that others may change",
    explanation: "The daemon runs it, usually as root, so whoever may write the file may become root. The same goes for the directory it is in.",
};

pub(crate) const NO_GROUP: Entry = Entry {
    code: Code(142),
    severity: Severity::Warning,
    title: "a group that this system does not have",
    explanation: "Until it exists, only root and the daemon's own user can use what the group was to be granted.",
};

pub(crate) const NO_USER: Entry = Entry {
    code: Code(143),
    severity: Severity::Warning,
    title: "a user that this system does not have",
    explanation: "The programs of the service cannot be run as somebody who does not exist; every action would fail.",
};

pub(crate) const NO_SCRIPT: Entry = Entry {
    code: Code(144),
    severity: Severity::Warning,
    title: "an rc script that is not there",
    explanation: "None of the names is a file in /etc/rc.d or /usr/local/etc/rc.d. Some packages changed a hyphen of the name into an underscore between versions: list both.",
};

pub(crate) const OPEN_FILE: Entry = Entry {
    code: Code(145),
    severity: Severity::Warning,
    title: "a configuration that others may change",
    explanation: "The file decides which programs the daemon runs, usually as root.",
};

pub(crate) const PASSWORD_INLINE: Entry = Entry {
    code: Code(150),
    severity: Severity::Error,
    title: "a password in the configuration file",
    explanation: "carpd.toml is shown, copied and sent around. The password stands alone in a file of mode 0600, which `password_file` names.",
};

pub(crate) const PASSWORD_FILE: Entry = Entry {
    code: Code(151),
    severity: Severity::Error,
    title: "a password file that cannot be used",
    explanation: "It has to be a regular file that only its owner may use (mode 0600 or 0400), owned by root or the user of carpd, with the password in its only line.",
};

pub(crate) const PASSWORD_CUT: Entry = Entry {
    code: Code(152),
    severity: Severity::Warning,
    title: "a password of which only the beginning counts",
    explanation: "ifconfig(8) and carpd pass 19 bytes to the kernel. Two nodes whose passwords differ only after that agree, and guessing is as easy as for the beginning alone.",
};

pub(crate) const NO_PASSWORD: Entry = Entry {
    code: Code(153),
    severity: Severity::Warning,
    title: "a vhid without a password",
    explanation: "Its adverts are authenticated with a key of zeros: any host of the network can become MASTER.",
};

pub(crate) const SKEW_ABOVE_240: Entry = Entry {
    code: Code(154),
    severity: Severity::Warning,
    title: "an advskew that is not advertised as written",
    explanation: "The largest skew that goes out on the wire is 240 (CARP_MAXSKEW, sys/netinet/ip_carp.h), which is also what a demoted node advertises: this node looks demoted at all times.",
};

pub(crate) const UNUSABLE_ADDRESS: Entry = Entry {
    code: Code(155),
    severity: Severity::Error,
    title: "an address that no host can have",
    explanation: "A vhid's address is one host's: not a network's or broadcast address, not multicast, loopback or unspecified. A peer is the other node's own address.",
};

pub(crate) const NO_PREEMPT: Entry = Entry {
    code: Code(156),
    severity: Severity::Warning,
    title: "demotion moves nothing without preempt",
    explanation: "With `net.inet.carp.preempt` 0 a better node leaves a demoted MASTER alone (carp(4)): entering maintenance or failing a probe would not move a single vhid.",
};

pub(crate) const METRICS_OPEN: Entry = Entry {
    code: Code(160),
    severity: Severity::Error,
    title: "metrics on an address that others can reach",
    explanation: "Metrics tell names, addresses and states of the pair and have no authentication. They are served to this machine only; an agent or a reverse proxy with authentication takes them further.",
};

pub(crate) const SETTLE_SHORT: Entry = Entry {
    code: Code(161),
    severity: Severity::Note,
    title: "a settle time shorter than a bounce",
    explanation: "Adding an address to a live vhid sends it through INIT and BACKUP for about three times advbase (carp_sc_state(), sys/netinet/ip_carp.c). A service with a shorter `settle` is stood down and started again each time.",
};

pub(crate) const GRACE_SHORT: Entry = Entry {
    code: Code(162),
    severity: Severity::Warning,
    title: "an unknown_grace shorter than two looks",
    explanation: "If the kernel cannot be read once, the next look comes a `poll` later. With less than two of them, one failed read stops a service that runs well.",
};

pub(crate) const TIMEOUT_LONG: Entry = Entry {
    code: Code(163),
    severity: Severity::Error,
    title: "a probe whose limit is longer than its rhythm",
    explanation: "The next run would be due before the last one ended; runs of one probe never overlap.",
};

pub(crate) const PAIR_EQUAL: Entry = Entry {
    code: Code(171),
    severity: Severity::Error,
    title: "two nodes with the same advbase and advskew",
    explanation: "Neither is better than the other. Two MASTERs that hear equal adverts both step down, and the next election may end the same way (carp_input_c(), sys/netinet/ip_carp.c).",
};

pub(crate) const PAIR_ADDRESSES: Entry = Entry {
    code: Code(172),
    severity: Severity::Error,
    title: "the nodes have different addresses in one vhid",
    explanation: "The addresses are part of what an advert's digest covers (carp(4)). A node drops adverts for another list, hears nobody, and becomes MASTER too.",
};

pub(crate) const PAIR_VHID: Entry = Entry {
    code: Code(173),
    severity: Severity::Warning,
    title: "a vhid that only one node has",
    explanation: "The other node cannot take it over. A vhid is recognised on the peer by its number together with its interface or one of its networks.",
};

pub(crate) const PAIR_ADVBASE: Entry = Entry {
    code: Code(174),
    severity: Severity::Warning,
    title: "the nodes advertise at different intervals",
    explanation: "A BACKUP waits three times its own advbase. If the MASTER's adverts come slower than that, it takes over although nothing is wrong.",
};

pub(crate) const PAIR_PFSYNC: Entry = Entry {
    code: Code(175),
    severity: Severity::Warning,
    title: "the nodes exchange states differently",
    explanation: "A node that does not understand the other's message format drops its packets, and connections break at a failover (pfsync(4)). Both have to send the newest format that both understand.",
};

pub(crate) const PAIR_SPLIT: Entry = Entry {
    code: Code(176),
    severity: Severity::Note,
    title: "vhids are meant to be active on different nodes",
    explanation: "`net.inet.carp.demotion` belongs to the node, not to a vhid: maintenance and failing probes move all its vhids at once, those meant to stay included.",
};

pub(crate) const PAIR_SERVICE: Entry = Entry {
    code: Code(177),
    severity: Severity::Warning,
    title: "a service that only one node has",
    explanation: "After a failover nobody would run it, or nobody would stop it.",
};

/// All of them, in the order of their codes.
pub const ENTRIES: &[Entry] = &[
    UNREADABLE,
    TOO_LARGE,
    NOT_UTF8,
    SYNTAX,
    TOO_MANY,
    UNKNOWN_KEY,
    WRONG_TYPE,
    OUT_OF_RANGE,
    NOT_A_CHOICE,
    MISSING,
    MALFORMED,
    RELATIVE_PATH,
    EMPTY,
    NO_EFFECT,
    SERVICE_TWICE,
    VHID_TWICE,
    ADDRESS_TWICE,
    PROBE_TWICE,
    FOLLOW_TWICE,
    SCRIPT_TWICE,
    UNDECLARED_VHID,
    UNCHECKED_VHID,
    NO_DRIVER,
    TWO_DRIVERS,
    NO_PROGRAM,
    OPEN_PROGRAM,
    NO_GROUP,
    NO_USER,
    NO_SCRIPT,
    OPEN_FILE,
    PASSWORD_INLINE,
    PASSWORD_FILE,
    PASSWORD_CUT,
    NO_PASSWORD,
    SKEW_ABOVE_240,
    UNUSABLE_ADDRESS,
    NO_PREEMPT,
    METRICS_OPEN,
    SETTLE_SHORT,
    GRACE_SHORT,
    TIMEOUT_LONG,
    PAIR_EQUAL,
    PAIR_ADDRESSES,
    PAIR_VHID,
    PAIR_ADVBASE,
    PAIR_PFSYNC,
    PAIR_SPLIT,
    PAIR_SERVICE,
];

#[cfg(test)]
mod tests {
    use super::ENTRIES;

    #[test]
    fn codes_are_in_order_and_in_their_range() {
        assert!(ENTRIES.is_sorted_by(|a, b| a.code < b.code));
        assert!(ENTRIES.iter().all(|entry| (100..200).contains(&entry.code.0)));
    }
}
