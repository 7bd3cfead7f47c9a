//! Reads the devd recordings.

use std::fs;

/// One line of a recording, with its seconds.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) at: f64,
    pub(crate) what: What,
}

#[derive(Clone, Debug)]
pub(crate) enum What {
    /// Something is done now.
    Step(String),
    /// A devd record, without its newline.
    Event(String),
    /// What a command printed on a node (`n1`, `n2` or `host`).
    Shown { node: String, text: String },
}

pub(crate) fn path(name: &str) -> String {
    format!("{}/tests/fixtures/freebsd-15.1-amd64/{name}", env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn read(name: &str) -> Vec<Line> {
    let text = fs::read_to_string(path(name)).unwrap();
    let lines: Vec<Line> = text.lines().filter(|line| !line.starts_with('#')).filter_map(parse).collect();
    assert!(lines.len() > 5, "{name} has hardly any lines");
    lines
}

fn parse(line: &str) -> Option<Line> {
    let (at, rest) = line.trim_start().split_once(' ')?;
    let at = at.parse().unwrap_or_else(|_| panic!("no time: {line}"));
    let what = if let Some(record) = rest.strip_prefix("DEVD ") {
        let (length, record) = record.split_once(' ')?;
        let text = record.split_once(' ')?.1.strip_suffix("\\n")?;
        assert_eq!(length.parse(), Ok(text.len() + 1), "{line}");
        What::Event(text.to_owned())
    } else if let Some(step) = rest.strip_prefix("# STEP ") {
        What::Step(step.to_owned())
    } else {
        let (node, text) = rest.strip_prefix("#   ")?.split_once(':')?;
        What::Shown { node: node.trim_end_matches(" netstat").to_owned(), text: text.trim().to_owned() }
    };
    Some(Line { at, what })
}
