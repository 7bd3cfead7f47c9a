//! What the linter promises: silence on a sound pair, and every mistake found by itself.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail by panic")]

use std::collections::BTreeSet;
use std::path::Path;

use carpd::config::opnsense::OpnsenseConfig;
use carpd::config::{Finding, catalogue, lint};

const FW1: &str = include_str!("config/fw1.xml");
const FW2: &str = include_str!("config/fw2.xml");

fn parse(name: &str, xml: &str) -> OpnsenseConfig {
    OpnsenseConfig::parse(Path::new(name), xml.as_bytes()).unwrap()
}

/// A mistake: what to replace, once, and by what.
type Edit = (&'static str, &'static str);

fn edited(xml: &str, edits: &[Edit]) -> String {
    edits.iter().fold(xml.to_owned(), |xml, (from, to)| {
        assert!(xml.contains(from), "the sample has no {from:?}");
        xml.replacen(from, to, 1)
    })
}

fn codes(findings: &[Finding]) -> BTreeSet<u16> {
    findings.iter().map(|finding| finding.code.0).collect()
}

fn single(edits: &[Edit]) -> Vec<Finding> {
    lint::single(&parse("fw1.xml", &edited(FW1, edits)))
}

fn pair(edits1: &[Edit], edits2: &[Edit]) -> Vec<Finding> {
    lint::pair(&parse("fw1.xml", &edited(FW1, edits1)), &parse("fw2.xml", &edited(FW2, edits2)))
}

/// An alias of vhid 3 behind its CARP entry.
const ALIAS: &str = "</vip>\n  <vip><interface>lan</interface><mode>ipalias</mode><subnet>192.168.1.2</subnet>\
                     <subnet_bits>32</subnet_bits><vhid>3</vhid></vip>\n  </virtualip>";
const END_OF_VIPS: &str = "</vip>\n  </virtualip>";

/// A link-local CARP address on `lan`.
const LINK_LOCAL: &str = "</vip>\n  <vip><interface>lan</interface><mode>carp</mode><subnet>fe80::1:4</subnet>\
                          <subnet_bits>64</subnet_bits><vhid>4</vhid><password>example-lan6-key</password></vip>\n  </virtualip>";

/// A mistake in one file, with all codes that it leads to.
const SINGLE: &[(&[u16], &[Edit])] = &[
    (&[200], &[("<interface>wan</interface>\n      <mode>carp", "<interface>opt9</interface>\n      <mode>carp")]),
    (&[201], &[("<lan>\n      <enable>1</enable>", "<lan>")]),
    (&[202], &[("<vhid>3</vhid>", "<vhid>256</vhid>")]),
    (&[202], &[("<vhid>3</vhid>", "<vhid>0</vhid>")]),
    (&[202], &[("<vhid>3</vhid>", "<vhid/>")]),
    (&[203], &[("<subnet>192.168.1.1</subnet>", "<subnet>192.168.1.256</subnet>")]),
    (
        &[203],
        &[(
            "<subnet>192.168.1.1</subnet>\n      <subnet_bits>24",
            "<subnet>192.168.1.1</subnet>\n      <subnet_bits>33",
        )],
    ),
    (&[204], &[("<advskew>0</advskew>", "<advskew>255</advskew>")]),
    (&[204], &[("<advbase>1</advbase>", "<advbase>0</advbase>")]),
    (&[205], &[(END_OF_VIPS, ALIAS_AS_CARP)]),
    (&[206], &[("<vhid>1</vhid>", "<vhid>3</vhid>"), ("<if>vtnet0</if>", "<if>vtnet1</if>")]),
    (
        &[206, 247],
        &[
            ("<ipaddr>10.0.0.1</ipaddr>\n      <subnet>30", "<ipaddr>192.168.1.99</ipaddr>\n      <subnet>24"),
            (END_OF_VIPS, CARP_ON_OPT1),
            ("<pfsyncinterface>opt1", "<pfsyncinterface>"),
        ],
    ),
    (&[207], &[(END_OF_VIPS, ALIAS), ("<vhid>3</vhid>\n      <advbase>", "<vhid>5</vhid>\n      <advbase>")]),
    (&[208], &[("description=\"Virtual IP configuration\">", ALIAS_FIRST)]),
    (
        &[209],
        &[(
            "<subnet>192.168.1.1</subnet>\n      <subnet_bits>24",
            "<subnet>192.168.1.1</subnet>\n      <subnet_bits>32",
        )],
    ),
    (&[209], &[(END_OF_VIPS, LINK_LOCAL), ("<subnet_bits>64", "<subnet_bits>128")]),
    (
        &[210],
        &[
            ("<subnet>172.18.0.100</subnet>", "<subnet>172.19.0.100</subnet>"),
            ("<target>172.18.0.100", "<target>172.19.0.100"),
        ],
    ),
    (&[211], &[(END_OF_VIPS, ALIAS), ("<subnet>192.168.1.2</subnet>", "<subnet>fd00::2</subnet>")]),
    (&[212], &[(END_OF_VIPS, ALIAS), ("<mode>ipalias</mode>", "<mode>other</mode>")]),
    (&[213], &[("<advskew>0</advskew>", "<advskew>241</advskew>")]),
    (&[214], &[("<advbase>1</advbase>", "<advbase>3</advbase>")]),
    (&[215], &[("<password>example-wan-key</password>", "<password/>")]),
    (&[215], &[("<password>example-wan-key</password>", "<password>   </password>")]),
    (&[216], &[("<password>example-wan-key</password>", "<password>1234567</password>")]),
    (&[217], &[("<password>example-wan-key</password>", "<password>12345678901234567890</password>")]),
    (&[218], &[("<peer/>\n      <peer6/>\n      <nosync>0</nosync>\n      <descr>VIP WAN", UNICAST_SYNCED)]),
    (&[219], &[("<peer/>\n      <peer6/>\n      <nosync>0</nosync>\n      <descr>VIP WAN", UNICAST_SELF)]),
    (&[220], &[("<peer/>\n      <peer6/>\n      <nosync>0</nosync>\n      <descr>VIP WAN", UNICAST_225)]),
    (&[200, 222, 243], &[("<interfaces>", "<nothing>"), ("</interfaces>", "</nothing>")]),
    (&[221], &[("<ipaddr>192.168.1.10</ipaddr>", "<ipaddr>192.168.1.1</ipaddr>")]),
    (&[240], &[("<disablepreempt>0", "<disablepreempt>1")]),
    (&[240], &[("net.inet.carp.log</tunable>\n      <value>2", "net.inet.carp.preempt</tunable>\n      <value>0")]),
    (&[241], &[("<pfsyncpeerip>10.0.0.2</pfsyncpeerip>", "<pfsyncpeerip/>")]),
    (&[241], &[("<pfsyncpeerip>10.0.0.2</pfsyncpeerip>", "<pfsyncpeerip>fd00::2</pfsyncpeerip>")]),
    (
        &[242],
        &[("<pfsyncinterface>opt1", "<pfsyncinterface>lan"), ("<pfsyncpeerip>10.0.0.2", "<pfsyncpeerip>192.168.1.20")],
    ),
    (&[242, 311], &[("<pfsyncinterface>opt1", "<pfsyncinterface>wan")]),
    (&[243], &[("<pfsyncinterface>opt1", "<pfsyncinterface>opt7")]),
    (&[243], &[("<opt1>\n      <enable>1</enable>", "<opt1>\n      <enable>0</enable>")]),
    (&[244], &[("<pfsyncpeerip>10.0.0.2", "<pfsyncpeerip>10.0.0.1")]),
    (&[245], &[("<advskew>0", "<advskew>100"), ("<advskew>0", "<advskew>100")]),
    (&[246], &[("<synchronizetoip>10.0.0.2", "<synchronizetoip>https://10.0.0.1:8443")]),
    (&[247], &[("<pfsyncinterface>opt1</pfsyncinterface>", "<pfsyncinterface/>")]),
    (&[248], &[("<filter>", "<virtualip_carp_maintenancemode>1</virtualip_carp_maintenancemode><filter>")]),
    (&[249], &[("<password>example-sync-password</password>", "<password/>")]),
    (&[260], &[("net.inet.carp.log</tunable>\n      <value>2", "net.inet.carp.demotion</tunable>\n      <value>100")]),
    (&[261], &[("net.inet.carp.log</tunable>\n      <value>2", "net.inet.carp.allow</tunable>\n      <value>0")]),
    (&[270], &[("<gateway>192.168.1.1</gateway>", "<gateway>192.168.1.10</gateway>")]),
    (&[270], &[("<gateway>192.168.1.1</gateway>", "<gateway/>")]),
    (
        &[270, 271, 272],
        &[
            ("<OPNsense>", KEA),
            ("<routers>192.168.1.1<", "<routers>192.168.1.10<"),
            ("<domain_name_servers>192.168.1.1<", "<domain_name_servers>192.168.1.10<"),
            ("<ha><enabled>1", "<ha><enabled>0"),
        ],
    ),
    (&[270, 271], &[("</OPNsense>", DNSMASQ), ("<option>3", "<option>42"), ("<option>6", "<option>42")]),
    (&[271], &[("<dnsserver>192.168.1.1</dnsserver>", "<dnsserver>192.168.1.10</dnsserver>")]),
    (&[271], &[("<dnsserver>192.168.1.1</dnsserver>", "")]),
    (&[272], &[("<failover_peerip>192.168.1.20</failover_peerip>", "<failover_peerip/>")]),
    (&[273], &[("<failover_peerip>192.168.1.20", "<failover_peerip>192.168.1.1")]),
    (&[273], &[("<failover_peerip>192.168.1.20", "<failover_peerip>192.168.1.10")]),
    (&[273], &[("<failover_peerip>192.168.1.20", "<failover_peerip>192.168.2.20")]),
    (&[274], &[("<OPNsense>", KEA), ("<this_server_name>fw1<", "<this_server_name>fw3<")]),
    (
        &[280],
        &[("<OPNsense>", RADVD), (END_OF_VIPS, LINK_LOCAL), ("<entries><interface>lan", "<entries><interface>wan")],
    ),
    (&[281], &[("<OPNsense>", RADVD)]),
    (&[281], &[("<OPNsense>", RADVD), (END_OF_VIPS, LINK_LOCAL), ("<AdvRASrcAddress>fe80::1:4", "<AdvRASrcAddress>")]),
    (
        &[281],
        &[(
            "<dhcpd>",
            "<dhcpdv6><lan><ramode>assist</ramode><rainterface>lan_vip3</rainterface></lan></dhcpdv6><dhcpd>",
        )],
    ),
    (
        &[282],
        &[
            (END_OF_VIPS, LINK_LOCAL),
            ("<subnet>fe80::1:4", "<subnet>2001:db8::4"),
            (
                "<subnet>24</subnet>\n    </lan>",
                "<subnet>24</subnet><ipaddrv6>2001:db8::1</ipaddrv6><subnetv6>64</subnetv6></lan>",
            ),
        ],
    ),
    (&[300], &[("<mode>advanced</mode>", "<mode>automatic</mode>"), ("<target>172.18.0.100</target>", "<target/>")]),
    (
        &[300],
        &[
            ("<mode>advanced</mode>\n      <rule", "<unused"),
            ("</rule>\n      <rule", "</unused>\n      <unused"),
            ("</rule>\n    </outbound>", "</unused>\n    </outbound>"),
        ],
    ),
    (&[301], &[("<target>172.18.0.100</target>", "<target>wanip</target>")]),
    (&[301], &[("<target>172.18.0.100</target>", "<target/>")]),
    (&[302], &[("<network>192.168.1.0/24</network>", "<any>1</any>")]),
    (
        &[310],
        &[
            ("<peer/>\n      <peer6/>\n      <nosync>0</nosync>\n      <descr>VIP WAN", UNICAST),
            ("<protocol>carp", "<protocol>tcp"),
        ],
    ),
    (
        &[311],
        &[(
            "<type>pass</type>\n      <interface>opt1",
            "<type>pass</type>\n      <disabled>1</disabled>\n      <interface>opt1",
        )],
    ),
    (&[311], &[("<filter>", "<filter><rule><type>block</type><floating>yes</floating><quick>1</quick></rule>")]),
    (&[312], &[("<type>pass</type>", "<type>block</type>")]),
];

const ALIAS_AS_CARP: &str = "</vip>\n  <vip><interface>lan</interface><mode>carp</mode><subnet>192.168.1.2</subnet>\
                             <subnet_bits>24</subnet_bits><vhid>3</vhid><password>example-lan-key</password></vip>\n  </virtualip>";
const CARP_ON_OPT1: &str = "</vip>\n  <vip><interface>opt1</interface><mode>carp</mode><subnet>192.168.1.3</subnet>\
                            <subnet_bits>24</subnet_bits><vhid>3</vhid><password>example-lan-key</password></vip>\n  </virtualip>";
const ALIAS_FIRST: &str = "description=\"Virtual IP configuration\"><vip><interface>lan</interface><mode>ipalias</mode>\
                           <subnet>192.168.1.2</subnet><subnet_bits>32</subnet_bits><vhid>3</vhid></vip>";
const UNICAST: &str = "<peer>172.18.0.102</peer><peer6/><nosync>1</nosync><descr>VIP WAN";
const UNICAST_SYNCED: &str = "<peer>172.18.0.102</peer><peer6/><nosync>0</nosync><descr>VIP WAN";
const UNICAST_SELF: &str = "<peer>172.18.0.101</peer><peer6/><nosync>1</nosync><descr>VIP WAN";
const UNICAST_225: &str = "<peer>172.18.0.225</peer><peer6/><nosync>1</nosync><descr>VIP WAN";
const KEA: &str = "<OPNsense><Kea><dhcp4><general><enabled>1</enabled></general><ha><enabled>1</enabled>\
                   <this_server_name>fw1</this_server_name></ha><subnets><subnet4><subnet>192.168.1.0/24</subnet><option_data>\
                   <routers>192.168.1.1</routers><domain_name_servers>192.168.1.1</domain_name_servers></option_data></subnet4></subnets>\
                   <ha_peers><peer><name>fw1</name></peer><peer><name>fw2</name></peer></ha_peers></dhcp4></Kea>";
const DNSMASQ: &str = "</OPNsense><dnsmasq><enable>1</enable><dhcp_ranges><interface>lan</interface><start_addr>192.168.1.100</start_addr>\
                       </dhcp_ranges><dhcp_options><type>set</type><option>3</option><interface>lan</interface><value>192.168.1.1</value></dhcp_options>\
                       <dhcp_options><option>6</option><value>192.168.1.1</value></dhcp_options></dnsmasq>";
const RADVD: &str = "<OPNsense><radvd><entries><interface>lan</interface><enabled>1</enabled><mode>stateless</mode>\
                     <AdvRASrcAddress>fe80::1:4</AdvRASrcAddress></entries></radvd>";

/// A mistake between two files: the codes, what is wrong in the first, what in the second.
const PAIR: &[(&[u16], &[Edit], &[Edit])] = &[
    (&[400], &[], &[("<ipaddr>172.18.0.102", "<ipaddr>172.18.0.101")]),
    (&[401], &[(END_OF_VIPS, LINK_LOCAL)], &[]),
    (&[401], &[], &[(END_OF_VIPS, LINK_LOCAL)]),
    (&[402], &[(END_OF_VIPS, ALIAS)], &[]),
    (&[402], &[], &[(END_OF_VIPS, ALIAS)]),
    (&[403], &[], &[("<password>example-lan-key", "<password>another-lan-key")]),
    (&[404], &[], &[("<advskew>100", "<advskew>0")]),
    (&[405], &[("<advskew>0", "<advskew>200")], &[]),
    (&[406], &[], &[("<advbase>1", "<advbase>2")]),
    (&[407, 417], &[], &[("<ipaddr>192.168.1.20</ipaddr>", "<ipaddr>192.168.9.20</ipaddr>")]),
    (&[408], &[], &[("<if>vtnet0</if>", "<if>igc0</if>")]),
    (&[409], &[], &[("<disablepreempt>0", "<disablepreempt>1")]),
    (&[410], &[], &[("<pfsyncversion>1400", "<pfsyncversion>1301")]),
    (&[411], &[], &[("<pfsyncversion>1400", "<pfsyncversion>")]),
    (&[412], &[], &[("<pfsyncpeerip>10.0.0.1", "<pfsyncpeerip>10.0.0.3")]),
    (&[412], &[("<pfsyncpeerip>10.0.0.2", "<pfsyncpeerip>172.18.0.102")], &[]),
    (&[413], &[], &[("<pfsyncinterface>opt1", "<pfsyncinterface>")]),
    (
        &[414],
        &[],
        &[("<synchronizetoip/>", "<synchronizetoip>10.0.0.1</synchronizetoip>"), ("<advskew>100", "<advskew>50")],
    ),
    (&[415], &[("<synchronizetoip>10.0.0.2", "<synchronizetoip>10.0.0.3")], &[]),
    (&[416], &[("<peer/>", "<peer>172.18.0.103</peer>")], &[]),
    (&[416], &[("<peer/>", "<peer>172.18.0.102</peer>")], &[("<peer/>", "<peer>172.18.0.102</peer>")]),
    (&[417], &[("<failover_peerip>192.168.1.20", "<failover_peerip>192.168.1.21")], &[]),
    (&[417], &[("<dnsserver>192.168.1.1<", "<dnsserver>192.168.1.20<")], &[]),
    (
        &[418],
        &[],
        &[(
            "<subnet>172.18.0.100</subnet>\n      <subnet_bits>24",
            "<subnet>172.18.0.100</subnet>\n      <subnet_bits>32",
        )],
    ),
    (&[419], &[("<OPNsense>", KEA)], &[("<OPNsense>", KEA)]),
    (&[420], &[], &[("<gateway>172.18.0.1</gateway>", "<gateway>172.18.0.2</gateway>")]),
    (
        &[421],
        &[("<subnet>172.18.0.100</subnet>", "<subnet>172.18.0.102</subnet>")],
        &[("<subnet>172.18.0.100</subnet>", "<subnet>172.18.0.102</subnet>")],
    ),
];

#[test]
fn a_sound_pair_is_clean() {
    assert_eq!(lint::single(&parse("fw1.xml", FW1)), []);
    assert_eq!(lint::single(&parse("fw2.xml", FW2)), []);
    assert_eq!(pair(&[], &[]), []);
}

#[test]
fn sound_variants_are_clean() {
    let variants: &[&[Edit]] = &[
        &[(END_OF_VIPS, ALIAS)],
        &[(END_OF_VIPS, LINK_LOCAL), ("<OPNsense>", RADVD)],
        &[
            (END_OF_VIPS, LINK_LOCAL),
            (
                "<dhcpd>",
                "<dhcpdv6><lan><ramode>assist</ramode><rainterface>lan_vip4</rainterface></lan></dhcpdv6><dhcpd>",
            ),
        ],
        &[("<OPNsense>", KEA)],
        &[("</OPNsense>", DNSMASQ)],
        &[("<peer/>\n      <peer6/>\n      <nosync>0</nosync>\n      <descr>VIP WAN", UNICAST)],
        &[("<mode>advanced</mode>", "<mode>hybrid</mode>")],
        &[(
            "<interface>opt1</interface>\n      <ipprotocol>inet<",
            "<interface>opt1</interface>\n      <ipprotocol>inet46<",
        )],
        &[("<synchronizetoip>10.0.0.2", "<synchronizetoip>https://fw2.example.org")],
        &[
            ("<peer/>\n      <peer6/>\n      <nosync>0</nosync>\n      <descr>VIP WAN", UNICAST_SYNCED),
            ("<synchronizetoip>10.0.0.2", "<synchronizetoip>"),
        ],
    ];
    for edits in variants {
        assert_eq!(single(edits), [], "{edits:?}");
    }
}

#[test]
fn each_mistake_in_one_file_is_found_and_nothing_else() {
    for (wanted, edits) in SINGLE {
        let found = single(edits);
        assert_eq!(codes(&found), wanted.iter().copied().collect(), "{edits:?}: {found:#?}");
    }
}

#[test]
fn each_mistake_between_two_files_is_found_and_nothing_else() {
    for (wanted, first, second) in PAIR {
        let found = pair(first, second);
        assert_eq!(codes(&found), wanted.iter().copied().collect(), "{first:?} {second:?}: {found:#?}");
    }
}

#[test]
fn every_kind_of_finding_is_shown_by_a_case() {
    let shown: BTreeSet<u16> =
        SINGLE.iter().map(|case| case.0).chain(PAIR.iter().map(|case| case.0)).flatten().copied().collect();
    let all: BTreeSet<u16> = catalogue::all().map(|entry| entry.code.0).filter(|code| *code >= 200).collect();
    assert_eq!(shown, all);
}

#[test]
fn a_finding_points_at_the_line_of_the_mistake() {
    let line_of = |xml: &str, text: &str| u32::try_from(xml[..xml.find(text).unwrap()].lines().count()).unwrap();
    for (edit, text) in [
        (("<vhid>3</vhid>", "<vhid>256</vhid>"), "<vhid>256"),
        (("<gateway>192.168.1.1</gateway>", "<gateway>192.168.1.10</gateway>"), "<gateway>192.168.1.10"),
        (("<disablepreempt>0", "<disablepreempt>1"), "<disablepreempt>1"),
        (("<password>example-wan-key</password>", "<password>1234567</password>"), "<password>1234567"),
    ] {
        let xml = edited(FW1, &[edit]);
        let findings = lint::single(&parse("fw1.xml", &xml));
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].place.line, line_of(&xml, text), "{text}");
        assert_eq!(findings[0].place.file, Path::new("fw1.xml"));
    }
}

#[test]
fn no_finding_shows_a_password() {
    let secrets =
        ["1234567", "hunter2", "another-lan-key", "example-lan-key", "example-wan-key", "example-sync-password"];
    let cases = [
        single(&[("<password>example-wan-key", "<password>1234567")]),
        single(&[("<password>example-wan-key", "<password>hunter2 hunter2 hunter2 hunter2")]),
        pair(&[], &[("<password>example-lan-key", "<password>another-lan-key")]),
    ];
    for findings in cases {
        assert!(!findings.is_empty());
        let shown = serde_json::to_string(&findings).unwrap();
        assert!(!secrets.iter().any(|secret| shown.contains(secret)), "{shown}");
    }
}

#[test]
fn passwords_that_are_one_key_in_the_kernel_are_equal() {
    let long = "<password>example-wan-key-of-many-bytes";
    assert_eq!(
        codes(&pair(&[("<password>example-wan-key", long)], &[("<password>example-wan-key", long)])),
        BTreeSet::new()
    );
    let spaced = ("<password>example-wan-key", "<password>example-wan -key");
    assert_eq!(pair(&[spaced], &[]), [], "OPNsense removes spaces");
}

#[test]
fn two_nodes_of_one_name_are_told_apart() {
    let findings = pair(&[], &[("<hostname>fw2", "<hostname>fw1"), ("<advbase>1", "<advbase>2")]);
    assert!(findings[0].cause.ends_with("advbase is 1 on fw1.xml and 2 on fw2.xml"), "{}", findings[0].cause);
}
