//! How long a large config.xml takes: 20 MB with 500 virtual IPs and 10 000 rules, read, parsed and linted.
//!
//! `cargo bench --bench config_xml` prints the figures of this machine and the peak memory of the process. Nothing is asserted;
//! the aim is 300 ms and 100 MB in total.

use std::error::Error;
use std::fs::File;
use std::hint::black_box;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use carpd::config::{lint, opnsense};
use nix::sys::resource::{UsageWho, getrusage};

const RUNS: usize = 100;

/// Bytes of each of the parts that nobody here looks at.
const FILLING: u64 = 4_700_000;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::temp_dir().join(format!("carpd-bench-{}.xml", std::process::id()));
    let result = write(&path).and_then(|()| measure(&path));
    std::fs::remove_file(&path)?;
    result
}

fn measure(path: &Path) -> Result<(), Box<dyn Error>> {
    let config = opnsense::load(path)?;
    let megabytes = path.metadata()?.len() / 1_000_000;
    let found = lint::single(&config).len();
    println!(
        "{megabytes} MB, {} virtual IPs, {} rules kept, {found} findings, {RUNS} runs",
        config.vips.len(),
        config.rules.len()
    );
    println!("{:<24}{:>12}{:>12}{:>12}", "ms", "min", "median", "p99");
    drop(config);

    let mut loads = Vec::with_capacity(RUNS);
    let mut lints = Vec::with_capacity(RUNS);
    let mut pairs = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        let start = Instant::now();
        let config = opnsense::load(path)?;
        let loaded = Instant::now();
        black_box(lint::single(&config));
        let linted = Instant::now();
        black_box(lint::pair(&config, &config));
        pairs.push(linted.elapsed());
        loads.push(loaded - start);
        lints.push(linted - loaded);
    }
    let totals = loads.iter().zip(&lints).map(|(load, lint)| *load + *lint).collect();
    for (name, times) in [("read and parse", loads), ("lint one file", lints), ("both", totals), ("lint a pair", pairs)]
    {
        print(name, times);
    }
    // Kilobytes on Linux and FreeBSD.
    println!("peak memory {} MB", getrusage(UsageWho::RUSAGE_SELF)?.max_rss() / 1_000);
    Ok(())
}

fn print(name: &str, mut times: Vec<Duration>) {
    times.sort();
    let [min, median, p99] = [0, RUNS / 2, RUNS * 99 / 100].map(|at| times[at].as_secs_f64() * 1e3);
    println!("{name:<24}{min:>12.2}{median:>12.2}{p99:>12.2}");
}

/// Writes the file piece by piece: held in memory it would count as the reader's.
fn write(path: &Path) -> Result<(), Box<dyn Error>> {
    let mut out = BufWriter::new(File::create(path)?);
    writeln!(out, "<?xml version=\"1.0\"?>\n<opnsense>\n<system><hostname>fw1</hostname></system>\n<interfaces>")?;
    for at in 0..4 {
        writeln!(
            out,
            "<opt{at}><enable>1</enable><if>vtnet{at}</if><ipaddr>10.{at}.0.2</ipaddr><subnet>16</subnet></opt{at}>"
        )?;
    }
    writeln!(out, "</interfaces>\n<virtualip>")?;
    for at in 0..500 {
        vip(&mut out, at)?;
    }
    writeln!(out, "</virtualip>\n<filter>")?;
    for at in 0..10_000 {
        rule(&mut out, at)?;
    }
    writeln!(out, "</filter>\n<dhcpd><opt1><enable/><gateway>10.1.0.1</gateway>")?;
    fill(&mut out, |out, at| {
        writeln!(
            out,
            "<staticmap>\n<mac>02:00:00:00:00:{:02x}</mac>\n<hostname>host{at}</hostname>\n</staticmap>",
            at % 256
        )
    })?;
    writeln!(out, "</opt1></dhcpd>\n<cert>")?;
    fill(&mut out, |out, _| writeln!(out, "<refid>1</refid><crt>{}</crt>", "TUlJQ0FURQ".repeat(200)))?;
    writeln!(out, "</cert>\n<OPNsense><Firewall><Alias><aliases>")?;
    fill(&mut out, |out, at| {
        writeln!(out, "<alias>\n<enabled>1</enabled>\n<name>alias{at}</name>\n<content>10.1.2.3</content>\n</alias>")
    })?;
    writeln!(out, "</aliases></Alias></Firewall></OPNsense>\n</opnsense>")?;
    out.flush()?;
    Ok(())
}

/// Half of them unicast, so that the rules are gone through for each.
fn vip(out: &mut impl Write, at: usize) -> std::io::Result<()> {
    let (net, vhid) = (at % 4, at / 4 + 1);
    let peer = if at < 250 { format!("10.{net}.0.3") } else { String::new() };
    writeln!(
        out,
        "<vip uuid=\"0f1d2c3b-4a59-4868-8776-{at:012}\">\n<interface>opt{net}</interface>\n<mode>carp</mode>\n\
         <subnet>10.{net}.1.{vhid}</subnet>\n<subnet_bits>16</subnet_bits>\n<gateway/>\n<noexpand>0</noexpand>\n<nobind>0</nobind>\n\
         <password>secret-of-the-bench</password>\n<vhid>{vhid}</vhid>\n<advbase>1</advbase>\n<advskew>0</advskew>\n\
         <peer>{peer}</peer>\n<peer6/>\n<nosync>1</nosync>\n<descr>VIP {at}</descr>\n</vip>"
    )
}

/// None of them passes CARP.
fn rule(out: &mut impl Write, at: usize) -> std::io::Result<()> {
    writeln!(
        out,
        "<rule uuid=\"0f1d2c3b-4a59-4868-8777-{at:012}\">\n<type>pass</type>\n<interface>opt{}</interface>\n<ipprotocol>inet</ipprotocol>\n\
         <statetype>keep state</statetype>\n<direction>in</direction>\n<quick>1</quick>\n<source>\n<address>192.0.2.{}</address>\n</source>\n\
         <destination>\n<any>1</any>\n</destination>\n<updated>\n<username>root@10.0.0.9</username>\n<time>1786000000.0</time>\n\
         <description>/firewall_rules_edit.php made changes</description>\n</updated>\n<created>\n<username>root@10.0.0.9</username>\n\
         <time>1786000000.0</time>\n<description>/firewall_rules_edit.php made changes</description>\n</created>\n</rule>",
        at % 4,
        at % 256
    )
}

fn fill<W: Write>(
    out: &mut W,
    mut one: impl FnMut(&mut Counted<'_, W>, u64) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let mut counted = Counted { out, bytes: 0 };
    let mut at = 0;
    while counted.bytes < FILLING {
        one(&mut counted, at)?;
        at += 1;
    }
    Ok(())
}

struct Counted<'a, W> {
    out: &'a mut W,
    bytes: u64,
}

impl<W: Write> Write for Counted<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}
