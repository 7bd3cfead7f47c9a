//! The story as a web page: one file that needs nothing else, for a browser or for a colleague.

mod plot;

use std::fmt::Write;
use std::time::Duration;

use super::story::Told;
use super::story::outcome::{Outcome, Step, time};
use super::story::setting::Setting;

const STYLE: &str = include_str!("report/style.css");

/// The page.
#[must_use]
pub fn html(told: &Told) -> String {
    let outcome = &told.outcome;
    let mut page = String::with_capacity(64 << 10);
    let title = format!("carpd lab: {} and {}", outcome.nodes[0], outcome.nodes[1]);
    page.push_str("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    page.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    // Nothing is loaded from anywhere, and the browser is told to keep it so.
    page.push_str(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n",
    );
    add(
        &mut page,
        format_args!("<title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n", escape(&title)),
    );
    head(&mut page, outcome, &title);
    page.push_str("<section>\n<h2>What happened</h2>\n");
    plot::draw(&mut page, told);
    page.push_str("</section>\n");
    table(&mut page, outcome);
    setting(&mut page, &told.setting);
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

/// Writing to a String cannot fail.
fn add(page: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = page.write_fmt(text);
}

/// `text` as it may stand in HTML, also within quotes. Names come from configuration files.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

fn head(page: &mut String, outcome: &Outcome, title: &str) {
    let promises: usize = outcome.steps.iter().map(|step| step.promises.len()).sum();
    let broken = outcome.broken_promises.len();
    let (class, verdict) = match (&outcome.broken_off, broken) {
        (None, 0) => ("good", format!("All {promises} promises held.")),
        (None, broken) => ("bad", format!("{broken} of {promises} promises were broken.")),
        (Some(why), _) => ("bad", format!("Broken off: {why}.")),
    };
    add(
        page,
        format_args!("<header>\n<h1>{}</h1>\n<p class=\"verdict {class}\">{}</p>\n", escape(title), escape(&verdict)),
    );
    add(
        page,
        format_args!(
            "<p class=\"dim\">{} · {} of real time · two real carpd {} processes on simulated kernels; every number was measured in this \
             run</p>\n",
            escape(&outcome.started.rfc3339()),
            time(Duration::from_millis(outcome.duration_ms)),
            escape(&outcome.version)
        ),
    );
    page.push_str("<dl class=\"tiles\">\n");
    for (name, value) in tiles(outcome) {
        add(page, format_args!("<div><dt>{}</dt><dd>{}</dd></div>\n", escape(&name), escape(&value)));
    }
    page.push_str("</dl>\n</header>\n");
    if broken > 0 {
        page.push_str("<ul class=\"broken\">\n");
        for promise in &outcome.broken_promises {
            add(page, format_args!("<li>{}</li>\n", escape(promise)));
        }
        page.push_str("</ul>\n");
    }
}

/// The numbers one asks for first.
fn tiles(outcome: &Outcome) -> Vec<(String, String)> {
    let worst = |what: &str| {
        let all = outcome.steps.iter().flat_map(|step| &step.promises).filter(|p| p.what.starts_with(what));
        all.filter_map(|p| p.measured_ms).max_by(f64::total_cmp)
    };
    let shown =
        |millis: Option<f64>| millis.map_or_else(|| "-".to_owned(), |ms| time(Duration::from_secs_f64(ms / 1e3)));
    vec![
        ("longest outage of a VIP".to_owned(), shown(worst("outage of VIP").or_else(|| worst("outage of any VIP")))),
        ("MASTER to service ready, at most, if devd tells".to_owned(), shown(worst("service ready"))),
        ("two services alive at once, at most".to_owned(), time(Duration::from_millis(outcome.longest_overlap_ms))),
        ("writes to the kernels by carpd".to_owned(), outcome.kernel_writes.to_string()),
    ]
}

fn table(page: &mut String, outcome: &Outcome) {
    page.push_str("<section>\n<h2>Promised and measured</h2>\n<table class=\"promises\">\n");
    page.push_str("<thead><tr><th scope=\"col\">what</th><th scope=\"col\">promised</th>");
    page.push_str("<th scope=\"col\">measured</th><th scope=\"col\">held</th></tr></thead>\n");
    for (number, step) in outcome.steps.iter().enumerate() {
        rows(page, number + 1, step);
    }
    page.push_str("</table>\n</section>\n");
}

fn rows(page: &mut String, number: usize, step: &Step) {
    let at = time(Duration::from_millis(step.at_ms));
    add(
        page,
        format_args!(
            "<tbody id=\"step{number}\">\n<tr class=\"step\"><th colspan=\"4\" scope=\"rowgroup\"><span class=\"number\">{number}</span> {} \
             <span class=\"dim\">at {at}</span></th></tr>\n",
            escape(&step.title)
        ),
    );
    for promise in &step.promises {
        let (class, held) = if promise.held { ("good", "yes") } else { ("bad", "NO") };
        let promised = promise.promised.replace("<= ", "≤ ");
        add(
            page,
            format_args!(
                "<tr><td>{}</td><td class=\"value\">{}</td><td class=\"value\">{}</td><td class=\"{class}\">{held}</td></tr>\n",
                escape(&promise.what),
                escape(&promised),
                escape(&promise.measured)
            ),
        );
    }
    page.push_str("</tbody>\n");
}

fn setting(page: &mut String, setting: &Setting) {
    page.push_str("<section>\n<h2>The pair</h2>\n<div class=\"nodes\">\n");
    for (name, vips) in &setting.nodes {
        add(page, format_args!("<table>\n<caption>{}</caption>\n", escape(name)));
        page.push_str("<thead><tr><th scope=\"col\">vhid</th><th scope=\"col\">addresses</th><th scope=\"col\">numbers</th></tr></thead>\n");
        for vip in vips {
            let (name, addresses, numbers) = (escape(&vip.name), escape(&vip.addresses), escape(&vip.numbers));
            add(page, format_args!("<tr><td>{name}</td><td>{addresses}</td><td>{numbers}</td></tr>\n"));
        }
        page.push_str("</table>\n");
    }
    page.push_str("</div>\n<ul>\n");
    for service in &setting.services {
        add(page, format_args!("<li>{}</li>\n", escape(service)));
    }
    page.push_str("</ul>\n<p class=\"dim\">Passwords are not part of this page.</p>\n</section>\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_a_file_cannot_become_markup() {
        assert_eq!(escape("<b a=\"x\" b='y'>&"), "&lt;b a=&quot;x&quot; b=&#39;y&#39;&gt;&amp;");
    }

    #[test]
    fn the_page_loads_nothing() {
        let page = html(&Told::default());
        for foreign in ["http:", "https:", "src=", "@import", "url(", "<script"] {
            assert!(!page.contains(foreign), "{foreign}");
        }
    }
}
