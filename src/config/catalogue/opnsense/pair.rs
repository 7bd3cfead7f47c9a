//! C400 to C499: what does not fit between the config.xml of two nodes.

use crate::config::catalogue::entries;

entries! {
    /// Both nodes have one address.
    PAIR_ADDRESS_CLASH = 400, Error, "both nodes use the same address",
    "The two nodes have the same own address on a network. Both answer ARP for it, and traffic to it goes to either \
     at random, adverts and pfsync included. This happens when one node was made from a copy of the other. Each node \
     needs an address of its own on every network, beside the virtual ones. See the OPNsense manual, Configure CARP.";

    /// A vhid that only one node has.
    PAIR_VHID_MISSING = 401, Error, "vhid on one node only",
    "The vhid is declared on one node and not on the other. There is nobody to take it over: if this node fails its \
     addresses are gone, and in a handover of the whole node it is the one that stays behind. Run the configuration \
     sync, or add the entry on the other node by hand if it is excluded from the sync. IP aliases without a vhid are \
     never synchronized. See the OPNsense manual, Configure CARP.";

    /// Different address lists.
    PAIR_ADDRESSES = 402, Error, "address lists of a vhid differ",
    "The signature of an advert covers all addresses of the vhid, so nodes with different lists refuse each other's \
     adverts: badauth grows in netstat -s -p carp, and after about three seconds both are MASTER. Make the lists \
     equal. Add an alias to a running pair by disabling CARP on one node, adding it on both, and enabling CARP again. \
     See carp(4) and the OPNsense manual, Adding a virtual IP to an active VHID group.";

    /// Different passwords.
    PAIR_KEYS = 403, Error, "passwords of a vhid differ",
    "The two nodes sign the adverts of this vhid with different keys. Each refuses the other's (badauth grows in \
     netstat -s -p carp) and both are MASTER. Compared is what reaches the kernel: without spaces, with the \
     backslashes that OPNsense adds, the first 19 bytes. Set the same password on both nodes and set the interface up \
     again, because OPNsense does not apply a changed password by itself. See carp(4).";

    /// Nobody is preferred.
    PAIR_SAME_SKEW = 404, Warning, "both nodes have the same advbase and advskew",
    "Nothing says which node is to be MASTER of this vhid. Whoever boots first becomes it, several vhids can end up \
     on different nodes, and in the moment of a tie both may send. The configuration sync adds 100 to the skew; an \
     entry that is excluded from it needs that by hand. Use 0 on the primary and 100 on the other. See carp(4).";

    /// The preference is mixed.
    PAIR_SKEW_ORDER = 405, Warning, "the nodes are preferred for different vhids",
    "One node has the lower skew for some vhids and the other node for others. Their traffic enters by one node and \
     wants to leave by the other, where no state and no address is waiting; and demotion is node-wide, so maintenance \
     of either moves all of them. If that is meant (two independent groups of networks), nothing is wrong. Otherwise \
     give one node the lower skew for all. See carp(4).";

    /// Different advert intervals.
    PAIR_ADVBASE = 406, Warning, "advbase of a vhid differs",
    "A BACKUP waits three times its own advbase, while adverts come at the MASTER's interval. With different values \
     the faster one always wins whatever the skews say, and the slower one may need much longer to notice a failure. \
     Use 1 on both nodes, and the skew to prefer one. See carp(4).";

    /// Different assignments.
    PAIR_INTERFACES = 407, Error, "interface assignments differ",
    "The same interface key means different networks on the two nodes, or exists on one only. The configuration sync \
     copies keys, not devices: virtual IPs, rules and DHCP servers then land on the wrong network, and vhids are \
     MASTER on both nodes or mixed. Assign the interfaces in the same order on both nodes, so that for example DMZ is \
     opt1 on both. See the OPNsense manual, Configure CARP, first warning.";

    /// Different device names.
    PAIR_DEVICES = 408, Warning, "device names differ, so states do not fit",
    "A state that pfsync carries over names the device it was made on. If that device has another name on the other \
     node, the state is not found when packets arrive after a failover, and the connection breaks if states are bound \
     to interfaces. Use the same kind of network card on both nodes, or put the cards into lagg(4) interfaces with \
     equal names. See the OPNsense manual, Configure CARP, pfSync.";

    /// Preemption on one node only.
    PAIR_PREEMPT = 409, Warning, "preemption differs",
    "One node preempts and the other does not. The one that does not will never take over from a living but demoted \
     MASTER: maintenance mode works in one direction only, and after a link failure some vhids stay behind. Clear \
     'Disable preempt' on both nodes and reboot the one that was changed. See carp(4) and the OPNsense manual, High \
     Availability.";

    /// pfsync message formats differ.
    PAIR_PFSYNC_VERSION = 410, Error, "pfsync versions differ",
    "The message formats 1301 (up to OPNsense 24.1) and 1400 (from 24.7) do not understand each other: the receiver \
     drops what it gets, and no state is carried over. Choose the same 'Sync compatibility' on both nodes: 1301 as \
     long as one of them runs the older version, 1400 afterwards. See pfsync(4) and the OPNsense manual, High \
     Availability.";

    /// pfsync message format left open on one node.
    PAIR_PFSYNC_DEFAULT = 411, Warning, "pfsync version set on one node only",
    "One node names the pfsync message format, the other leaves it to its version's default: 1301 up to OPNsense \
     24.1, 1400 from 24.7. In a mixed pair, during an upgrade, they may not understand each other, and no state is \
     carried over. Set 'Sync compatibility' explicitly on both nodes. See pfsync(4) and the OPNsense manual, High \
     Availability.";

    /// pfsync goes past the other node.
    PAIR_PFSYNC_PEER = 412, Error, "pfsync peer is not the other node",
    "The pfsync peer is not an address of the other node on the interface it uses for pfsync. States are sent where \
     nobody takes them, because pfsync accepts packets on its own interface only, and connections break at a \
     failover. Enter the other node's address on its synchronization interface. See pfsync(4).";

    /// pfsync on one node only.
    PAIR_PFSYNC_ONE = 413, Warning, "pfsync on one node only",
    "One node sends its connection states and the other has pfsync switched off. States then survive a failover in \
     one direction at most, and the node with pfsync waits for a bulk update that never comes, demoted by 240 \
     meanwhile. Choose the synchronization interface and the peer on both nodes. See pfsync(4).";

    /// The wrong node sends its configuration.
    PAIR_SYNC = 414, Error, "configuration sync from the backup",
    "The node with the higher skews has a target for the configuration sync. It would overwrite the primary's \
     configuration with the backup's, skews included, and if both nodes have a target they overwrite each other. Only \
     the primary may have one: clear target, user and password on the backup. See the OPNsense manual, High \
     Availability, Configuration synchronization.";

    /// The configuration goes elsewhere.
    PAIR_SYNC_TARGET = 415, Warning, "configuration sync target is not the other node",
    "The target of the configuration sync is no address of the other node. A sync fails, or reaches a third machine, \
     and the two nodes drift apart until a failover shows it. Enter the other node's address, best the one on the \
     synchronization interface. See the OPNsense manual, High Availability.";

    /// Unicast adverts go past the other node.
    PAIR_UNICAST_PEER = 416, Error, "unicast peer is not the other node",
    "The unicast peer of this vhid is no address of the other node on that interface. The other node hears nothing \
     and becomes MASTER too. This is what the configuration sync does to an entry that is not excluded from it: it \
     copies the peer, so that the backup names itself. Enter the other node's own address on this network on each \
     node. See carp(4), unicast.";

    /// DHCP names the other node in the wrong place.
    PAIR_DHCP = 417, Error, "DHCP names the wrong node",
    "A DHCP server gives out the other node's own address as router or name server, or its failover peer is no \
     address of the other node. Clients then depend on one node, or the two servers never agree on their pools. Give \
     out the virtual IP, and enter the other node's own address on this network as the failover peer. See the \
     OPNsense manual, Configure CARP, Setup DHCP server.";

    /// Different masks.
    PAIR_MASKS = 418, Warning, "masks of a virtual IP differ",
    "The same virtual IP has different prefix lengths on the two nodes. Adverts do not carry masks, so nobody \
     complains, but after a failover the network looks different: other routes, other broadcast addresses, and \
     services such as DHCP that depend on them. Set the mask of the network on both nodes. See the OPNsense manual, \
     Configure CARP.";

    /// Kea's nodes have one name.
    PAIR_KEA_NAME = 419, Error, "both Kea servers have the same name",
    "Each Kea server finds its role by its own name among the peers. Both nodes use the same name, so both take the \
     same role: they connect to themselves, and two servers give out leases from the same pool without telling each \
     other. Enter a different name on each node; this setting is not synchronized for that reason. See the Kea \
     manual, High Availability hook.";

    /// Different ways out.
    PAIR_GATEWAY = 420, Note, "upstream gateways differ",
    "On an interface with CARP addresses the two nodes send to different upstream gateways. After a failover traffic \
     takes another way, which a provider with source filters may drop, and existing connections may break. If the two \
     nodes really have different upstreams, nothing is wrong. Otherwise enter the same gateway on both. See the \
     OPNsense manual, Gateways.";

    /// A virtual IP that the other node has as its own.
    PAIR_VIP_CLASH = 421, Error, "virtual IP is the other node's own address",
    "The virtual IP of one node is the own address of the other. The other node answers for it whether it is MASTER \
     or not, and cannot bind it to its vhid, so the lists of addresses differ, each refuses the other's adverts, and \
     both are MASTER. Each node needs an address of its own on every network beside the virtual one. See the OPNsense \
     manual, Configure CARP.";
}
