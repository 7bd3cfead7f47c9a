//! Prometheus' text format, version 0.0.4.

use std::fmt::Write;
use std::time::Duration;

/// The upper bounds of a histogram's buckets, in seconds.
const BOUNDS: [f64; 12] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0];

/// What kind of metric a family is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// How often something took how long.
#[derive(Clone, Debug, Default)]
pub(super) struct Histogram {
    buckets: [u64; BOUNDS.len()],
    sum: Duration,
    count: u64,
}

impl Histogram {
    pub(super) fn observe(&mut self, took: Duration) {
        for (bound, bucket) in BOUNDS.iter().zip(&mut self.buckets) {
            *bucket += u64::from(took.as_secs_f64() <= *bound);
        }
        self.sum += took;
        self.count += 1;
    }
}

/// A text being written, one family after the other.
#[derive(Debug, Default)]
pub(super) struct Text {
    out: String,
    family: &'static str,
    /// The family's head, until its first sample: a family without samples is left out.
    head: String,
}

impl Text {
    /// Begins a family; the samples that follow belong to it. `help` is one line.
    pub(super) fn family(&mut self, name: &'static str, kind: Kind, help: &str) {
        self.family = name;
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        self.head = format!("# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    pub(super) fn sample(&mut self, labels: &[(&str, &str)], value: f64) {
        self.series("", labels, None, value);
    }

    pub(super) fn flag(&mut self, labels: &[(&str, &str)], set: bool) {
        self.sample(labels, f64::from(u8::from(set)));
    }

    /// A family of one sample without labels.
    pub(super) fn single(&mut self, name: &'static str, kind: Kind, help: &str, value: f64) {
        self.family(name, kind, help);
        self.sample(&[], value);
    }

    #[allow(clippy::cast_precision_loss)]
    pub(super) fn histogram(&mut self, labels: &[(&str, &str)], histogram: &Histogram) {
        for (bound, bucket) in BOUNDS.iter().zip(&histogram.buckets) {
            self.series("_bucket", labels, Some(&bound.to_string()), *bucket as f64);
        }
        self.series("_bucket", labels, Some("+Inf"), histogram.count as f64);
        self.series("_sum", labels, None, histogram.sum.as_secs_f64());
        self.series("_count", labels, None, histogram.count as f64);
    }

    pub(super) fn finish(self) -> String {
        self.out
    }

    fn series(&mut self, suffix: &str, labels: &[(&str, &str)], le: Option<&str>, value: f64) {
        self.out.push_str(&std::mem::take(&mut self.head));
        self.out.push_str(self.family);
        self.out.push_str(suffix);
        let mut open = '{';
        for (name, value) in labels.iter().copied().chain(le.map(|le| ("le", le))) {
            // Writing to a String cannot fail.
            let _ = write!(self.out, "{open}{name}=\"{}\"", escaped(value));
            open = ',';
        }
        if open == ',' {
            self.out.push('}');
        }
        let _ = writeln!(self.out, " {value}");
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_values_are_escaped() {
        let mut text = Text::default();
        text.family("a", Kind::Gauge, "Help.");
        text.sample(&[("name", "x\"\\\ny")], 1.5);
        text.family("empty", Kind::Gauge, "Left out.");
        assert_eq!(text.finish(), "# HELP a Help.\n# TYPE a gauge\na{name=\"x\\\"\\\\\\ny\"} 1.5\n");
    }
}
