//! What can be found in carpd.toml: C100 to C199. The titles say what; the explanations are shown by `carpctl explain`.
#![allow(missing_docs, reason = "each entry's title is its documentation")]

use super::entries;

entries! {
    UNREADABLE = 100, Error, "the file cannot be read",
        "carpd needs its configuration: the file named with --config, or else /usr/local/etc/carpd/carpd.toml. It may be absent, or not \
         readable for the user who asks; a directory, a device and a pipe are refused too, since reading them may never end. \
         Start from carpd.toml.sample, of which every line may stay as it is.";
    TOO_LARGE = 101, Error, "the file is too large",
        "A configuration has a few hundred lines. More than 1 MiB is something else, such as a log or a core file, and is not read \
         at all, so that a mistaken path costs neither memory nor time. Check the path that was given to carpd or carpctl.";
    NOT_UTF8 = 102, Error, "the file is not UTF-8 text",
        "TOML is UTF-8 by definition (https://toml.io/). A file that was saved in another encoding, or a binary file, has bytes that \
         are no text. The finding names the line of the first one. Most editors can save the file again as UTF-8; often the culprit \
         is an accented letter in a comment.";
    SYNTAX = 103, Error, "this is not TOML",
        "The text breaks TOML's grammar: a string without its closing quote, a key or a header twice, a bare word where a value \
         belongs. The line is the one where the reader noticed it, and the cause may stand just above. Nothing else is checked \
         until the file can be read as a whole; see https://toml.io/ for the grammar.";
    TOO_MANY = 104, Error, "there are more findings than are shown",
        "After the first few hundred findings the rest is counted and not kept, so that a file full of mistakes cannot fill the \
         memory of the daemon that reads it. Usually such a file is no carpd.toml at all. Correct the findings that are shown, \
         then check again.";
    NO_CONFIG_XML = 105, Error, "OPNsense's configuration cannot be read",
        "With vips.source = \"opnsense\" the file config.xml says which vhids this node has, so nothing can be decided without it. It \
         is read under a shared lock, and again for up to 2 s while somebody writes it without one. It holds secrets: only root may \
         read it.";
    EMPTY_FILE = 106, Warning, "the file is empty",
        "Every key has a default, so carpd can run with an empty file: it then watches the vhids that the kernel has and manages no service. But a          file without a single character is more often one that is just being written, or that a full disk has cut. Whoever wants          the defaults can say so with a comment.";
    UNKNOWN_KEY = 110, Error, "a key that carpd does not know",
        "carpd refuses what it does not understand. A mistyped settle would otherwise be the default, silently, until the day of a \
         failover. A key may also stand under the wrong header: in TOML every key belongs to the header above it. \
         carpd.toml.sample lists all keys with their places.";
    WRONG_TYPE = 111, Error, "a value of the wrong kind",
        "For example a number in quotes, a duration without them, or a header in single brackets where a list of tables needs double \
         ones. The finding says what stands there and what has to. The value itself is not repeated, since it may be a secret that \
         was put in the wrong place.";
    OUT_OF_RANGE = 112, Error, "a value outside its range",
        "Some ranges are the kernel's: a vhid and an advbase are 1 to 255, an advskew is 0 to 254 (carp(4)), a socket's path has at \
         most 103 bytes (unix(4)). Others keep a promise of carpd's: a missed event is noticed within 5 s, so node.poll cannot be \
         longer, and no action may last for ever.";
    NOT_A_CHOICE = 113, Error, "a word that is not one of the choices",
        "The key takes one of a few words, written exactly so and in lower case, and the finding lists them. Another word is refused \
         rather than taken for the default, because whoever wrote it meant something that carpd would then not do, and would learn \
         of it at a failover.";
    MISSING = 114, Error, "a key that has no default is missing",
        "Most keys have a default. This one names something that only the administrator can know, such as the interface that carries a \
         vhid, the vhids that a service follows, or the program that starts it. carpd.toml.sample shows what a value looks like.";
    MALFORMED = 115, Error, "a value that cannot be read as what it stands for",
        "An interface has a name of 1 to 15 letters, digits, dots, underscores or hyphens. A vhid is written with its interface, as in \
         1@vtnet0, because its number is unique on one interface only. A duration has a unit, as in 1m30s. The address of a vhid has \
         its prefix length, as in 192.0.2.1/24.";
    RELATIVE_PATH = 116, Error, "a path that is not absolute",
        "The daemon's working directory and PATH are not those of the shell in which a command was tried, and at boot they differ from \
         those of a restart by hand. A path that begins with a slash means the same everywhere. `which NAME` shows the path of a \
         program.";
    EMPTY = 117, Error, "a list that may not be empty",
        "A service that follows no vhid has no role: it would be neither active nor on standby. A vhid without an address stays in INIT \
         for ever (carp(4)), and a command without words runs nothing. Leave out the whole section if it is not needed.";
    NO_EFFECT = 120, Warning, "a key that has no effect here",
        "The key is known, but another setting makes it idle: [pfsync] while vips.source is not \"static\", or the demote of a probe \
         whose effect is \"report\". Whoever wrote it expects something that will not happen. Take it out, or change the setting that \
         the finding names.";
    SERVICE_TWICE = 121, Error, "two services of one name",
        "Names tell services apart in the status, in commands such as `carpctl service unmanage NAME`, in metrics and in the history. \
         Two of one name could not be told apart there, so neither is accepted. Often the second is a copy that was never renamed; \
         give it a name of its own.";
    VHID_TWICE = 122, Error, "two definitions of one vhid",
        "A vhid is one virtual host on one interface, with one password, one skew and one list of addresses. All its addresses belong \
         into one [[vips.vhid]]. On another interface the same number is another vhid, which may be defined beside it.";
    ADDRESS_TWICE = 123, Error, "one address in two places",
        "An address belongs to exactly one vhid. Setting it up twice would move it to the last one that claims it, and each move sends \
         the vhids involved through INIT, which is a failover. Two prefix lengths for one address are the same mistake. Keep it in \
         one place.";
    PROBE_TWICE = 124, Error, "two probes of one name in a service",
        "Names tell the probes of a service apart in the status, in metrics and in the ledger, where the demotion that a failing probe \
         causes is written under its name. Two of one name would overwrite each other's result. Give each probe of a service a name \
         of its own.";
    FOLLOW_TWICE = 125, Warning, "a service names one vhid twice",
        "Whether all or any of the followed vhids have to be MASTER, the second mention of one changes nothing. With OPNsense the two \
         may look different, as in 1@wan and 1@vtnet0, which is the same vhid by the interface's key and by its device. Perhaps \
         another vhid was meant.";
    SCRIPT_TWICE = 126, Warning, "two services drive one rc script",
        "The script starts and stops one set of processes. Whenever the roles of the two services differ, one of them starts what the \
         other stops, again and again. Make it one service that follows the vhids of both, with require = \"all\" or \"any\" as it is \
         meant.";
    GONE_VHID = 129, Warning, "a service follows a virtual IP that OPNsense does not have",
        "The vhid is not among OPNsense's CARP addresses: it was deleted, got another number, or moved to another interface. It counts as \
         absent, which is not MASTER, so a service that needs it stays on standby on this node; all other services go on. Add the \
         virtual IP again, or let the service follow another one.";
    UNDECLARED_VHID = 130, Error, "a service follows a vhid that nobody declares",
        "The vhid is not in [[vips.vhid]]. It would be absent for ever, which counts as not MASTER, and the service would never become \
         active. The number and the name of the interface have to be those of a definition in this file.";
    UNCHECKED_VHID = 131, Note, "the followed vhids cannot be checked here",
        "With vips.source = \"kernel\" no file says which vhids exist, and the check does not ask the kernel, because it may run on \
         another machine than the node's. A mistyped vhid shows as absent in `carpctl status`, and the service that follows it stays \
         on standby.";
    NO_DRIVER = 132, Error, "a service without driver and link",
        "One of [service.exec], which names three programs, [service.rc], which names a script of rc(8), and [service.configd], which \
         names actions of OPNsense's configd, says how the service is made active and put on standby, and [service.link] names an \
         interface that is up while it is active. Without any of them there is nothing that carpd could do. In TOML these headers stand \
         below the [[service]] they belong to.";
    TWO_DRIVERS = 133, Error, "a service with two drivers",
        "Both drivers would act on the same service, and neither would know what the other did. Keep the one that fits: [service.rc] for \
         a service with a script of rc(8), [service.exec] for anything else. In TOML a header belongs to the last [[service]] above \
         it, so one may have slipped under the wrong service.";
    WARM_WITHOUT_LINK = 134, Error, "a warm service without a link",
        "In mode \"warm\" the process of a service runs on both nodes and only its link follows the role. Without [service.link] nothing \
         would follow at all, and the service would be active on both nodes. Name the interface of its tunnel, or let the process follow \
         with mode = \"service\".";
    LINK_TWICE = 135, Error, "an interface that is the link of two services",
        "A link is up while its service is active and down otherwise. Whenever the roles of the two services differ, one of them would \
         raise what the other takes down, again and again. Make it one service that follows the vhids of both, with require = \"all\" or \
         \"any\" as it is meant.";
    LINK_CARRIES = 136, Error, "a link that carries a vhid",
        "While the service is standby its link is down, and a vhid on an interface that is down is INIT (carp(4)) and demotes the whole \
         node: it could never become MASTER again, so the service would stay standby for ever. A link is the service's own \
         interface, such as a WireGuard tunnel, never one that the election runs on.";
    WIDE_PROGRAM = 137, Error, "a program that is not only the service's",
        "The processes that [service.process] names are the service's own: they tell whether it runs, and are killed when a stop does not \
         end them. A shell or another interpreter runs a great many things on every machine. With a pidfile only the process whose id is \
         in it counts, if it is of that program.";
    NO_PROCESS = 138, Error, "a configd action that nothing verifies",
        "configd answers OK when a script exits 0, and the scripts of rc(8) exit 0 where they have started nothing. carpd believes what it \
         sees: with [service.configd] the service's processes have to be known. The program is what ps(1) shows as the first word of \
         its command.";
    PROCESS_TWICE = 139, Error, "two services with the same processes",
        "A process could be taken for either of the two services. The one on standby would be seen running while it is the other that \
         runs, and a stop by force would end both. Tell them apart by the pidfile that each writes, or make them one service.";
    NO_PROGRAM = 140, Warning, "a program that cannot be run",
        "The path names nothing, or something that is not an executable file. Every start would fail, and the service would not become \
         active. It is only a warning because a package may bring the program later, and because the check may run on another machine. \
         Install it or correct the path.";
    OPEN_PROGRAM = 141, Warning, "a program that others may change",
        "The daemon runs the program, usually as root, so whoever may change the file can become root at the next failover. The same goes \
         for every directory on the way to it, unless that has the sticky bit. All of them have to belong to root or to carpd's own user. \
         carpd does not run such a program as root.";
    NO_GROUP = 142, Warning, "a group that this system does not have",
        "The control socket is opened to the members of this group. Until it exists, only root and the daemon's own user can use carpctl, \
         and the daemon runs without it. Create the group with `pw groupadd`, or name one that exists; on FreeBSD the group of \
         administrators is called wheel.";
    NO_USER = 143, Warning, "a user that this system does not have",
        "The programs of the service cannot be run as somebody who does not exist, so every action of the service would fail and it would \
         not become active. It is only a warning because a package may bring the user later. Create it with `pw useradd`, or name \
         another one.";
    NO_SCRIPT = 144, Warning, "an rc script that is not there",
        "None of the names is a file in /etc/rc.d or /usr/local/etc/rc.d, so the service cannot be started. Some packages changed a hyphen \
         of the script's name into an underscore from one version to the next: list both names, and the first that exists is used.";
    OPEN_FILE = 145, Warning, "a configuration that others may change",
        "The file decides which programs the daemon runs, usually as root, so whoever may write it can become root at the next reload. \
         Take the write permission from group and others with `chmod go-w`; reading may be allowed, as no password belongs into the \
         file.";
    PROFILE_FILE = 146, Warning, "a program's configuration that a profile cannot read",
        "A profile such as \"defguard\" takes what it can from the program's own configuration: the name of the tunnel's interface, or \
         the port that tells its health. That file is not there or makes no sense, so the program's defaults are assumed. If it \
         is configured otherwise, carpd looks after the wrong interface. What the service says itself comes first.";
    PASSWORD_INLINE = 150, Error, "a password in the configuration file",
        "carpd.toml is shown, copied, compared and sent around, so a password in it does not stay one. It belongs alone into a file of \
         mode 0600, which password_file names. The value was not read and is not repeated in any output. Change the password if the \
         file was ever shared.";
    PASSWORD_FILE = 151, Error, "a password file that cannot be used",
        "It has to be a regular file that only its owner may use (mode 0600 or 0400), that belongs to root or to the user of carpd, and \
         that holds the password in its only line. Anything else is refused rather than repaired: a password that others could read \
         should also be changed.";
    PASSWORD_CUT = 152, Warning, "a password of which only the beginning counts",
        "ifconfig(8), and carpd with it, passes 19 bytes of a password to the kernel. Two nodes whose passwords differ only after that \
         agree with each other, and guessing the beginning is enough for anybody else. Shorten the password to what counts, on both \
         nodes.";
    NO_PASSWORD = 153, Warning, "a vhid without a password",
        "Adverts are authenticated with a digest over the password (carp(4)). Without one the key is all zero, which everybody knows: any \
         host of the network can send a better advert and take the addresses over. Put the same password into a file of mode 0600 on \
         both nodes.";
    SKEW_ABOVE_240 = 154, Warning, "an advskew that is not advertised as written",
        "The largest skew that goes out on the wire is 240 (CARP_MAXSKEW, sys/netinet/ip_carp.h), and a demoted node advertises just that. \
         A node with a larger one looks demoted at all times and cannot become worse, so maintenance has no effect on it. 100 is the \
         usual value of the second node.";
    UNUSABLE_ADDRESS = 155, Error, "an address that no host can have",
        "The address of a vhid is one host's: not a network's first or its broadcast address, not multicast, loopback or unspecified. In \
         networks of two addresses (/31, /127) and of one both ends are hosts. A peer is the other node's own address, to which \
         adverts or states are sent.";
    NO_PREEMPT = 156, Note, "demotion moves nothing without preempt",
        "While net.inet.carp.preempt is 0, a better node does not take over from a MASTER that still advertises, however demoted that is \
         (carp(4)). Entering maintenance would not move a single vhid; only silence does. That keeps a database from moving back by \
         itself; for most else both nodes need preempt = true.";
    NO_PASSWORD_FILE = 157, Error, "a password file that is not there",
        "Without the password no key can be set, and a node with an all-zero key would not understand the other one. Create the file with \
         mode 0600 and the password in its only line. It is only a warning where the check is evidently not about this machine: with \
         --peer, and for a file in another place than carpd's own.";
    RC_CONF_VIP = 158, Error, "a vhid that rc.conf sets up as well",
        "The scripts of rc.conf(5) add the address at boot, and again at `service netif restart`; adding an address to a live vhid sends \
         it through INIT, and where the two disagree each undoes what the other does. A vhid has one owner: take it out of rc.conf, or \
         out of carpd.toml. `carpctl import --rc-conf` turns those lines into a carpd.toml.";
    RC_CONF_UNREAD = 159, Note, "a line of rc.conf that may set up a vhid and is not understood",
        "rc.conf(5) is a script of sh(1). carpd reads plain assignments and executes nothing, so a line that the shell would have to \
         evaluate first, or arguments of ifconfig(8) that it does not know, are set aside. Look at the line: a vhid of carpd.toml must \
         not be set up there as well.";
    METRICS_OPEN = 160, Error, "metrics on an address that others can reach",
        "Metrics tell the names, addresses and states of the pair, and they are served without authentication. They are therefore offered \
         to this machine only, on 127.0.0.1 or ::1. An agent on this machine, or a proxy with authentication, can take them further.";
    SETTLE_SHORT = 161, Note, "a settle time shorter than a bounce",
        "Adding an address to a live vhid, or removing one, sends it through INIT and BACKUP for about three times its advbase \
         (carp_sc_state(), sys/netinet/ip_carp.c). A service with a shorter settle is stopped and started again each time. That may be \
         wanted where a restart is cheaper than the wait.";
    GRACE_SHORT = 162, Warning, "an unknown_grace shorter than two looks",
        "If the kernel cannot be read once, the next look comes one node.poll later. With a grace of less than two of them, a single failed \
         read stops a service that runs well, on a node that is MASTER. Unknown never starts a service, so a longer grace costs \
         little.";
    TIMEOUT_LONG = 163, Error, "a probe whose limit is longer than its rhythm",
        "Runs of one probe never overlap. With a timeout longer than every, the next run would be due before the last one had ended, and \
         the time until a failure is noticed (fall times every) would not be what the file says. Make timeout shorter, or every longer.";
    DEMOTE_IN_VAIN = 164, Warning, "a probe that demotes in vain",
        "A probe whose effect is \"demote\" is to give the vhids away while the service is sick. With preempt = false the peer does not \
         take them from a MASTER that still advertises, however demoted that is (carp(4)), so nothing would move. Set preempt to true \
         on both nodes, or let the probe report.";
    PAIR_KIND = 170, Error, "two files that cannot be compared",
        "The configuration of the other node has to be of the same kind as this node's: two carpd.toml, or two config.xml of OPNsense. A \
         carpd.toml whose vhids come from OPNsense goes with either. The files are told apart by what is in them, not by their names.";
    PAIR_EQUAL = 171, Error, "two nodes with the same advbase and advskew",
        "Neither node is better than the other. A MASTER that hears an equal advert steps down, so two MASTERs that meet both do, and the \
         next election may end in the same way (carp_input_c(), sys/netinet/ip_carp.c). Give the node that is to be BACKUP an advskew \
         that is higher by 100.";
    PAIR_ADDRESSES = 172, Error, "the nodes have different addresses in one vhid",
        "The addresses are part of what an advert's digest covers (carp(4)). A node whose list differs drops the other's adverts as forged, \
         hears nobody, and becomes MASTER as well: both nodes then own the addresses they share. The order and the prefix lengths do \
         not matter, the addresses do.";
    PAIR_VHID = 173, Warning, "a vhid that only one node has",
        "When the node that has it fails, nobody takes it over. A vhid is recognised on the other node by its number together with its \
         interface or with one of its networks, since the two machines may name their interfaces differently. Define it on both \
         nodes.";
    PAIR_ADVBASE = 174, Warning, "the nodes advertise at different intervals",
        "A BACKUP waits for three times its own advbase. If the adverts of the MASTER come at a longer interval than that, the BACKUP takes \
         over although nothing is wrong, and hands back at the next advert. Use one advbase on both nodes, and advskew to prefer one of \
         them.";
    PAIR_PFSYNC = 175, Warning, "the nodes exchange states differently",
        "A node that does not understand the other's message format drops its packets without a word, and connections break at a failover \
         (pfsync(4)). Formats 1301, 1400 and 1500 came with FreeBSD 13, 14 and 15. Both nodes have to send the newest one that both \
         understand.";
    PAIR_SPLIT = 176, Note, "vhids are meant to be active on different nodes",
        "net.inet.carp.demotion belongs to the node, not to a vhid. Maintenance and failing probes move all vhids of a node at once, and a \
         service that follows vhids which prefer different nodes is normally on standby on both. That is how CARP works; be sure that \
         it is what is wanted.";
    PAIR_SERVICE = 177, Warning, "a service that only one node has",
        "After a failover nobody would run it on the other node, although its addresses are there; or, if that node starts it by other \
         means, nobody would stop it. Define it on both nodes under the same name. How it is driven may differ.";
    PAIR_SKIPPED = 178, Warning, "the two files were not compared",
        "Where one of the two files has mistakes of its own, what could be read of it is not all it says, and a comparison would find \
         differences that are none. Correct the mistakes that are shown beside this one, then check again. What is only absent on the machine \
         that checks, such as programs and password files, does not stand in the way.";
    PAIR_SAME = 179, Error, "both files are one and the same",
        "The file named with --peer has to come from the other node. This one is the same file, or a copy of it without a single difference, \
         while the two nodes of a pair differ at least in name and advskew. Nothing was compared. Copy the configuration of the other \
         node to this machine and name that.";
    PAIR_DEMOTION = 180, Warning, "a demotion too small for the peer to take over",
        "A demotion counts like advskew, up to 240 together, and the peer takes over only when its own advskew is the lower one then \
         (carp_input_c(), sys/netinet/ip_carp.c). A node whose advskew is 0, beside a peer with 100, stays MASTER with a demotion of \
         96: its probe reports a sick service, and nothing moves. Demote by more than the difference of the skews; 240 always \
         suffices if the peer's advskew is below 240.";
}

#[cfg(test)]
mod tests {
    use super::ENTRIES;

    #[test]
    fn codes_are_in_their_range() {
        assert!(ENTRIES.iter().all(|entry| (100..200).contains(&entry.code.0)));
    }
}
