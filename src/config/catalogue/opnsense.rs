//! C200 to C399: what can be wrong in one config.xml.

pub mod pair;

use super::entries;

entries! {
    /// A virtual IP names an interface that is not assigned.
    UNKNOWN_INTERFACE = 200, Error, "virtual IP on an unknown interface",
    "The virtual IP names an interface key that has no assignment below <interfaces>, or one whose device name no \
     kernel can have. OPNsense takes an unknown key for a device name, so the mistake shows only when ifconfig fails: \
     the address is never set, and the vhid does not exist. This happens after an assignment was deleted or \
     renumbered, or when a file was restored on other hardware. Choose an existing interface under Interfaces > \
     Virtual IPs. See the OPNsense manual, Virtual IPs.";

    /// A virtual IP sits on an interface that is switched off.
    DISABLED_INTERFACE = 201, Warning, "virtual IP on a disabled interface",
    "The interface of this virtual IP is not enabled. Its vhid stays in INIT, and an interface that is down adds 240 \
     to net.inet.carp.demotion for every vhid on it, which pushes all other vhids of the node to the peer as well. \
     Enable the interface, or remove the virtual IP. See carp(4), net.inet.carp.ifdown_demotion_factor.";

    /// The vhid is no number from 1 to 255.
    VHID_RANGE = 202, Error, "vhid is missing or not 1 to 255",
    "A virtual host id is one byte of the CARP packet, and 0 is not used: 1 to 255 remain. The kernel refuses any \
     other number, so the address is never set. A CARP entry must have a vhid, an IP alias may have one to belong to \
     that vhid. Pick a number that no other CARP or VRRP router on the same segment uses. See carp(4) and \
     ifconfig(8).";

    /// The address or mask cannot be read.
    VIP_ADDRESS = 203, Error, "virtual IP without a legal address",
    "The address of the virtual IP is missing or is not an IPv4 or IPv6 address, or the prefix length does not fit \
     its family (1 to 32, 1 to 128). OPNsense hands it to ifconfig, which fails, and the vhid then lacks this address \
     or does not exist at all, while the other node may have it: the two nodes refuse each other's adverts. Correct \
     it under Interfaces > Virtual IPs. See ifconfig(8) and carp(4).";

    /// The advert interval cannot be read.
    ADVERT_INTERVAL = 204, Error, "advbase or advskew out of range",
    "The advert interval is advbase seconds plus advskew/256 of a second; advbase is 1 to 254 in OPNsense (255 in the \
     kernel) and advskew 0 to 254. Any other value is refused by ifconfig, and the vhid keeps what it had or is not \
     created. Correct the number under Interfaces > Virtual IPs, advanced mode. See carp(4).";

    /// Two CARP entries define one vhid.
    VHID_TWICE = 205, Error, "two CARP entries define one vhid",
    "Two entries of mode CARP have the same vhid on the same interface. The kernel has one vhid with both addresses, \
     and each entry in turn sets its password, advbase and advskew: the later one wins, and which one that is changes \
     with every edit. A further address of a vhid belongs into an entry of mode IP Alias with that vhid. See the \
     OPNsense manual, Virtual IPs, section CARP.";

    /// One vhid is used on two interfaces of one network.
    VHID_ON_SEGMENT = 206, Error, "one vhid twice on the same segment",
    "The same vhid is configured on two interfaces that lie in one network or share a device. Both would use the same \
     virtual MAC address on that segment and hear each other's adverts: with different addresses each refuses the \
     other's (badauth grows), with the same they fight. A vhid has to be unique on a segment; on different segments \
     it may repeat. Give one of them another number. See carp(4).";

    /// An IP alias names a vhid that no CARP entry defines.
    ALIAS_WITHOUT_VHID = 207, Error, "alias of a vhid that does not exist",
    "The IP alias is to belong to a vhid, but no entry of mode CARP defines that vhid on its interface. An alias \
     cannot create a vhid: ifconfig fails with ENOENT and the address is missing on both nodes, or, worse, on one of \
     them. Create the CARP entry, correct the number, or clear the alias's vhid. See carp(4) and ifconfig(8).";

    /// An IP alias comes before the CARP entry of its vhid.
    ALIAS_BEFORE_CARP = 208, Warning, "alias listed before the CARP entry of its vhid",
    "OPNsense sets virtual IPs up in the order of the file and does not sort them. An alias that comes first names a \
     vhid that the kernel does not have yet, and fails with ENOENT at boot. The vhid then has fewer addresses here \
     than on the peer, the checksums of the adverts differ, and both nodes become MASTER. Delete the alias and add it \
     again, so that it comes after its CARP entry; a configuration sync also moves entries that are kept out of the \
     sync to the top. See opnsense/core, interfaces_vips_configure().";

    /// A CARP address has another mask than its interface.
    VIP_MASK = 209, Warning, "mask of the virtual IP differs from its interface's",
    "A CARP address should have the mask of the network it lies in, not /32. CARP itself does not care, but what is \
     built on it does: ISC DHCP failover ends in 'peer holds all free leases', and routes and proxies see a host \
     instead of a network. IP aliases that belong to the vhid may be /32. Set the mask of the interface. See the \
     OPNsense manual, Configure CARP, note on the subnet mask.";

    /// A CARP address lies outside the networks of its interface.
    VIP_OUTSIDE = 210, Warning, "virtual IP outside the networks of its interface",
    "The CARP address lies in no network that the interface has an address in. Hosts of the segment cannot reach it \
     without a route, and the node has no address of its own beside it to send adverts, ARP and its own traffic from. \
     Often the virtual IP is on the wrong interface, or a digit is wrong. For a single-address provider link this may \
     be meant; then give the interface an address of a private network. See the OPNsense manual, Configure CARP.";

    /// One vhid carries IPv4 and IPv6.
    MIXED_FAMILIES = 211, Warning, "one vhid carries IPv4 and IPv6 addresses",
    "The vhid has addresses of both families. It then sends two kinds of adverts, and one family can fail alone while \
     the other keeps the MASTER alive; with a unicast peer in one family, the other falls back to multicast. Give \
     each family a vhid of its own, as the manual's IPv6 example does. See the OPNsense manual, Configuring CARP for \
     IPv6.";

    /// An entry of an old mode.
    MODE_OTHER = 212, Warning, "virtual IP of a mode that is ignored",
    "OPNsense knows the modes CARP, IP Alias and Proxy ARP. The mode Other was removed in 2025 but survives in old \
     files; an entry with it, or with an unknown word, sets no address and answers no ARP. NAT rules may still point \
     to it. Delete it, or make it an IP Alias or Proxy ARP. See the OPNsense manual, Virtual IPs.";

    /// The skew is beyond what is sent.
    ADVSKEW_LARGE = 213, Warning, "advskew over 240",
    "The kernel sends min(advskew + demotion, 240). Two nodes over 240 look alike on the wire, and demotion \
     (maintenance, a dead link, a failed service) can no longer make this node worse than it already looks. Use 0 on \
     the node that should be MASTER and 100 on the other: that leaves room for demotion. See carp(4) and CARP_MAXSKEW \
     in sys/netinet/ip_carp.c.";

    /// Adverts are rare.
    ADVBASE_LARGE = 214, Warning, "advbase over 2 makes failover slow",
    "A BACKUP takes over when it has heard nothing for three times advbase seconds plus its skew. With advbase 1 that \
     is 3 to 4 seconds, with 3 it is 9 to 10, during which nothing answers at the virtual IP. A large advbase helps \
     only on links that lose many packets. Use 1, the same on both nodes. See carp(4).";

    /// No password.
    PASSWORD_EMPTY = 215, Error, "CARP entry without a password",
    "Adverts are signed with the password. Without one they are signed with a key of zeros, which everybody knows: \
     any host on the segment can send an advert with a better skew and take the addresses away, and OPNsense's own \
     page does not accept such an entry. Set the same password of 8 to 19 characters on both nodes. See carp(4).";

    /// A password that is easily guessed.
    PASSWORD_SHORT = 216, Warning, "password shorter than 8 characters",
    "Adverts carry a SHA-1 HMAC over known text, sent every second to the whole segment: whoever hears one can try \
     passwords offline, and a short one falls in seconds. With it any host can become MASTER. Spaces do not count, \
     because OPNsense removes them. Use 12 to 19 random letters and digits, the same on both nodes; changing it makes \
     the nodes refuse each other until both have it. See carp(4).";

    /// A password of which only a part counts.
    PASSWORD_LONG = 217, Warning, "only the first 19 bytes of the password count",
    "ifconfig copies at most 19 bytes of the password into the kernel and says nothing about the rest. OPNsense first \
     removes spaces and puts a backslash before quotes and backslashes, which count as bytes too. Two different long \
     passwords can therefore be equal for the kernel, and the security is that of 19 bytes. Use 8 to 19 letters and \
     digits. See ifconfig(8), and CARP_KEY_LEN in sys/netinet/ip_carp.h.";

    /// A unicast entry that is copied to the other node.
    UNICAST_SYNCED = 218, Warning, "unicast peer without 'disable sync'",
    "With a unicast peer the two nodes need different entries, because each names the other. The configuration sync \
     copies the entry as it is: the backup then names itself as its peer, sends its adverts to itself, and the change \
     is stored but not even applied until the interface is set up again. Tick 'Disable XMLRPC sync' for this entry on \
     both nodes and keep them in step by hand. See opnsense/core issues 8120 and 8394.";

    /// The peer cannot be one.
    PEER_WRONG = 219, Error, "unicast peer that cannot be one",
    "The peer of a CARP entry has to be the address of the other node, in the family of its field (IPv4 in Peer, IPv6 \
     in Peer6). This one is no such address, or is an address of this node itself. Adverts then go nowhere, the other \
     node hears nothing and becomes MASTER too. Enter the other node's own address on this network, not a virtual \
     one. See carp(4), unicast.";

    /// The peer hits a kernel bug.
    PEER_OCTET = 220, Note, "unicast peer with a last byte of 224 to 239",
    "FreeBSD 14 tests for a multicast address without swapping bytes, so a unicast peer whose last byte is 224 to 239 \
     is taken for multicast: its adverts get the wrong MAC address and do not arrive, and both nodes become MASTER. \
     FreeBSD 15.1 has the fix. On OPNsense 26.1 and older give the nodes other addresses. See FreeBSD PR 284872.";

    /// A VIP that something else uses too.
    ADDRESS_TWICE = 221, Error, "virtual IP that is used twice on this node",
    "The address of this virtual IP is also the address of an interface, or of another virtual IP. An address can be \
     bound to one vhid or to none; the second attempt fails or takes it away from the first. A node needs an address \
     of its own beside the virtual one, because the virtual one is silent while the node is BACKUP. Give the \
     interface its own address. See the OPNsense manual, Configure CARP.";

    /// The file assigns no interface.
    NO_INTERFACES = 222, Warning, "the file assigns no interface",
    "Every firewall has assigned interfaces below <interfaces>; a file without any is not the whole configuration of \
     one. It may be the remains of an export of single sections, or of a write that went wrong, and no other check can \
     say anything about it. Compare it with the newest file below /conf/backup, and check that one. See the OPNsense \
     manual, Backups.";

    /// Preemption is off.
    PREEMPT_OFF = 240, Warning, "preemption is disabled",
    "With net.inet.carp.preempt=0 a BACKUP does not take over from a living MASTER that is worse, so demotion moves \
     nothing: maintenance mode, a dead link on one of several interfaces and a failed service leave the vhids where \
     they are, or split them between the nodes. The switch counts on the node that is to take over. Clear 'Disable \
     preempt' on both nodes; it takes effect after a reboot. See carp(4) and the OPNsense manual, High Availability.";

    /// pfsync sends to everybody.
    PFSYNC_NO_PEER = 241, Warning, "pfsync without an IPv4 peer",
    "Without a peer pfsync sends every state to the multicast group 224.0.0.240: every host on that network can read \
     the connections, and forge new ones past the firewall, because pfsync has no authentication. OPNsense applies an \
     IPv4 peer only and ignores an IPv6 one. Enter the other node's address on the synchronization interface under \
     System > High Availability. See pfsync(4).";

    /// pfsync runs where users are.
    PFSYNC_PRODUCTION = 242, Warning, "pfsync on a production interface",
    "The interface that carries the states is WAN, LAN, one with an upstream gateway, or one with CARP addresses. \
     pfsync has no authentication: whoever reaches the interface can inject states. It also competes with the traffic \
     it describes, and every new set-up of that interface makes OPNsense configure pfsync again, which starts a bulk \
     update and demotes the node by 240 meanwhile. Use a cable or VLAN of its own between the nodes. See pfsync(4) \
     and the OPNsense manual, Configure CARP.";

    /// pfsync's interface is not usable.
    PFSYNC_INTERFACE = 243, Error, "pfsync on an interface that is unknown or disabled",
    "The interface for the states is not assigned or not enabled. OPNsense uses its device even if the interface is \
     disabled, so ifconfig may accept it, but nothing is sent: after a failover every connection through the firewall \
     breaks. Choose an enabled interface under System > High Availability, the same key on both nodes. See pfsync(4).";

    /// pfsync sends to itself.
    PFSYNC_SELF = 244, Error, "pfsync peer is this node itself",
    "The address entered as the other node's is one of this node's own. States are sent to ourselves and the other \
     node learns nothing; its side may look right, because it only receives. This happens when a configuration is \
     copied from one node to the other. Enter the other node's address on the synchronization interface. See \
     pfsync(4).";

    /// The backup would send its configuration.
    SYNC_FROM_BACKUP = 245, Warning, "configuration sync target set on the backup",
    "This node has a target for the configuration sync although all of its skews say that it is the backup. One click \
     on its High Availability status page, or a cron job, then overwrites the configuration of the primary with that \
     of the backup, skews included (100 is added once more). Leave the target, user and password empty on the backup. \
     See the OPNsense manual, High Availability, Configuration synchronization.";

    /// The node would send its configuration to itself.
    SYNC_TO_SELF = 246, Error, "configuration sync target is this node itself",
    "The target of the configuration sync is an address of this node. A sync would rewrite our own configuration, \
     adding 100 to the skew of every CARP entry each time. This happens when settings are copied between the nodes. \
     Enter the other node's address, and only on the primary. See the OPNsense manual, High Availability.";

    /// Connections do not survive a failover.
    PFSYNC_OFF = 247, Note, "pfsync is off",
    "The node has CARP addresses but does not share its connection states. A failover then works, but the new MASTER \
     knows no connection and drops or resets those that exist, until clients open new ones. If that is acceptable (a \
     pure router, stateless rules) nothing is wrong. Otherwise choose an interface under System > High Availability > \
     Synchronize all states via, on both nodes. See pfsync(4).";

    /// The flag of persistent maintenance is set.
    MAINTENANCE = 248, Note, "persistent maintenance mode is set",
    "The file carries the flag of persistent CARP maintenance mode. At every boot OPNsense adds 240 to \
     net.inet.carp.demotion, and the node does not become MASTER while the peer is well. That is right during an \
     update, and easily forgotten after it. Leave the mode under Interfaces > Virtual IPs > Status, or with carpctl \
     maintenance leave. See the OPNsense manual, Configure CARP, Updating a CARP HA Cluster.";

    /// The other node would refuse the configuration.
    SYNC_NO_PASSWORD = 249, Warning, "configuration sync without a password",
    "The configuration sync logs in to the other node's web page with user and password. Without a password every sync \
     fails, and the nodes drift apart with each change until a failover shows it. Enter the user and the password of the \
     other node under System > High Availability, best a user of its own with the rights for the sync only. See the \
     OPNsense manual, Configure CARP, Setup pfSync and HA sync.";

    /// A tunable writes the demotion counter.
    DEMOTION_TUNABLE = 260, Error, "net.inet.carp.demotion set as a tunable",
    "Writing to net.inet.carp.demotion adds to it. As a tunable it is added again whenever the tunables are applied \
     and the value differs, and leaving maintenance mode forces the sum to it, which wipes the demotion of dead links \
     and failed services. The node ends up permanently worse, or with a negative sum that defeats all later demotion. \
     Remove the tunable; use maintenance mode or the skew instead. See carp(4).";

    /// A tunable switches CARP off.
    CARP_OFF = 261, Error, "CARP is switched off by a tunable",
    "net.inet.carp.allow is set to 0. All vhids stay in INIT, OPNsense does not even create them \
     (interface_carp_configure returns at once), and the other node is alone. Temporarily disabling CARP is a button \
     under Interfaces > Virtual IPs > Status, and is forgotten at the next boot, as it should be. Remove the tunable. \
     See carp(4).";

    /// DHCP clients get a router that does not move.
    DHCP_GATEWAY = 270, Warning, "DHCP gives out a gateway that does not fail over",
    "The network has a CARP address, but clients are told another router: the node's own address (also when the field \
     is empty, because the server then fills in its own) or one that is no virtual IP. When this node fails its \
     clients keep sending to it, although the other node is MASTER and ready. Enter the virtual IP as the gateway of \
     the DHCP server, on both nodes. See the OPNsense manual, Configure CARP, Setup DHCP server.";

    /// DHCP clients get a name server that does not move.
    DHCP_DNS = 271, Warning, "DHCP gives out a name server that does not fail over",
    "The network has a CARP address, but clients are told this node's own address as their name server (also when the \
     field is empty, because the server then fills in its own). After a failover the network works but no name \
     resolves, which looks like a total failure. Enter the virtual IP, or name servers elsewhere. See the OPNsense \
     manual, Configure CARP, Setup DHCP server.";

    /// Two DHCP servers do not know of each other.
    DHCP_ALONE = 272, Warning, "two DHCP servers that do not know of each other",
    "DHCP answers broadcasts, so the servers of both nodes are asked at the same time whatever CARP says. ISC dhcpd \
     without a failover peer and Kea without high availability keep separate leases and will give the same address to \
     two clients. Enter the other node's address as the failover peer (ISC), or enable High Availability in Kea's \
     settings with both nodes as peers. See the OPNsense manual, Configure CARP, Setup DHCP server.";

    /// The failover peer cannot be one.
    DHCP_PEER = 273, Error, "DHCP failover peer that cannot be one",
    "The failover peer of ISC dhcpd has to be the other node's own address on this network. This one is not an IPv4 \
     address of the network, is this node's own, or is a virtual IP, which belongs to whichever node is MASTER. The \
     two servers never agree on their pools and stop giving out leases ('not responding: recovering'). Enter the \
     other node's interface address. See the OPNsense manual, Configure CARP, Setup DHCP server.";

    /// Kea does not find itself.
    KEA_NAME = 274, Error, "Kea's own name is not among its peers",
    "Kea finds its role by looking up its own name among the peers of its high availability settings. The name \
     entered is none of them, so Kea refuses the configuration and does not start: no leases at all from this node. \
     Enter this node's name exactly as in the list of peers; it differs on the two nodes. See the Kea manual, High \
     Availability hook.";

    /// Router advertisements towards the provider.
    RA_UPSTREAM = 280, Error, "router advertisements on an upstream interface",
    "Router advertisements tell hosts to use this node as their router. On WAN they reach the provider's network and \
     other customers: at best they are filtered, at worst the provider closes the port. A pair sends them twice. \
     Disable router advertisements on this interface. See the OPNsense manual, Configuring CARP for IPv6, Setup \
     Router Advertisements.";

    /// Router advertisements do not come from the VIP.
    RA_SOURCE = 281, Warning, "router advertisements do not come from the CARP link-local address",
    "Hosts take the source address of a router advertisement as their default router. Sent from the interface's own \
     link-local address, both nodes announce themselves, the BACKUP too, and hosts stay with a dead one until its \
     lifetime of up to 30 minutes ends. Create a link-local CARP address (fe80::/64, a vhid of its own) and choose it \
     as the source address; radvd then also stops telling hosts that the router is gone. dnsmasq cannot be given a \
     source: use radvd. See the OPNsense manual, Setup Router Advertisements.";

    /// A global address where hosts need a link-local router.
    GUA_ROUTER = 282, Warning, "IPv6 router address of a LAN is not link-local",
    "IPv6 hosts learn their default router from router advertisements, and those name link-local addresses only; many \
     systems ignore a global address entered as gateway, and redirects do not work with it. A LAN with a global CARP \
     address and no link-local one therefore has no router that fails over. Add a link-local CARP address (fe80::/64) \
     with a vhid of its own and announce that one. See the OPNsense manual, Setup Virtual IPv6 Link Local Address.";

    /// Automatic outbound NAT.
    NAT_AUTOMATIC = 300, Warning, "outbound NAT uses the interface address, not the virtual IP",
    "Automatically generated outbound NAT translates to the address of the WAN interface, which differs on the two \
     nodes. After a failover the other node sends from another address, and every connection breaks although pfsync \
     has carried its state over. Set outbound NAT to manual or hybrid and translate the internal networks to the CARP \
     address of WAN. See the OPNsense manual, Configure CARP, Setup outbound NAT.";

    /// An outbound NAT rule uses the interface address.
    NAT_INTERFACE = 301, Warning, "outbound NAT rule to the interface address",
    "This outbound NAT rule translates to the address of the interface, which differs on the two nodes, for packets \
     that come from elsewhere than the firewall itself. Connections through it break at every failover although \
     pfsync carries their states. Choose the CARP address as the target. For the node's own packets (loopback, this \
     firewall) the interface address is right. See the OPNsense manual, Configure CARP, Setup outbound NAT.";

    /// An outbound NAT rule catches the node's own packets.
    NAT_ANY_SOURCE = 302, Warning, "outbound NAT to the virtual IP for every source",
    "This rule translates packets of any source to the CARP address, including those of the firewall itself. On the \
     BACKUP the answers go to the MASTER, which drops them: the BACKUP cannot resolve names, fetch updates or check \
     its licence, and often nobody notices until the failover. Limit the source to the internal networks. See the \
     OPNsense manual, Configure CARP, Backup node cannot reach internet.";

    /// Unicast adverts are blocked.
    UNICAST_BLOCKED = 310, Error, "no firewall rule passes the unicast adverts",
    "OPNsense passes CARP by itself only to the multicast groups 224.0.0.18 and ff02::12. Adverts to a unicast peer \
     need a rule of your own: without it the default rule drops them, neither node hears the other, and both become \
     MASTER. Add a rule on this interface that passes protocol CARP from the other node's address, on both nodes. See \
     the OPNsense manual, Configure CARP, basic firewall rules.";

    /// pfsync is blocked.
    PFSYNC_BLOCKED = 311, Warning, "no firewall rule passes pfsync",
    "OPNsense has no automatic rule for pfsync, and incoming packets without a rule are dropped. The states of the \
     other node never arrive; the bulk update at boot runs into its time limit, during which this node is demoted by \
     240; and every connection breaks at a failover. Add a rule on the synchronization interface that passes protocol \
     PFSYNC, or everything on a cable of its own, on both nodes. See pfsync(4) and the OPNsense manual, Configure \
     CARP.";

    /// A rule says that CARP is blocked.
    CARP_BLOCK_RULE = 312, Warning, "a firewall rule blocks CARP",
    "A rule of your own blocks protocol CARP on an interface with CARP addresses. Multicast adverts pass all the same, \
     because OPNsense's automatic rule for 224.0.0.18 and ff02::12 comes first, so the rule does nothing; but it breaks the \
     pair the day an entry gets a unicast peer, and says the opposite of what is needed. Delete it. To keep adverts of \
     others away use passwords. See the OPNsense manual, Configure CARP, basic firewall rules.";
}

#[cfg(test)]
mod tests {
    use super::{ENTRIES, pair};

    #[test]
    fn an_explanation_says_what_happens_why_and_where_it_is_documented() {
        for entry in ENTRIES.iter().chain(pair::ENTRIES) {
            let words = entry.explanation.split_whitespace().count();
            assert!(words >= 40, "{} is thin", entry.code);
            assert!(entry.explanation.contains("See "), "{} names no source", entry.code);
        }
    }
}
