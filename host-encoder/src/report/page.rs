//! The page around the data.

use super::Report;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = concat!(include_str!("film.js"), "\n", include_str!("plot.js"), "\n", include_str!("page.js"));

/// The report as one HTML file that needs nothing else.
#[must_use]
pub fn html(report: &Report) -> String {
    // Numbers, strings and lists: there is nothing in it that JSON lacks.
    let data = serde_json::to_string(report).unwrap_or_else(|error| unreachable!("{error}"));
    // So that no name ends the script.
    let data = data.replace('<', "\\u003c");
    let mut page = String::with_capacity(PAGE.len() + STYLE.len() + SCRIPT.len() + data.len());
    let mut rest = PAGE;
    for (mark, text) in [
        ("{{title}}", escaped(&report.name).as_str()),
        ("{{style}}", STYLE),
        ("{{data}}", &data),
        ("{{script}}", SCRIPT),
    ] {
        let (before, after) = rest.split_once(mark).unwrap_or((rest, ""));
        page += before;
        page += text;
        rest = after;
    }
    page + rest
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
