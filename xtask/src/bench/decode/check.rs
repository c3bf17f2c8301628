//! The figures of a table against those that are committed.

use std::fmt;

/// A figure that is not what it was.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    row: String,
    column: usize,
    before: String,
    now: String,
    pub is_more: bool,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { row, column, before, now, .. } = self;
        write!(f, "{row}, column {}: {before} before, {now} now", column + 1)
    }
}

/// By how much figures may differ: a part of them, and what rounding makes.
const RELATIVE: f64 = 0.02;
const ABSOLUTE: f64 = 0.06;
/// The columns that name the clip of a row.
const NAMES: usize = 3;
/// The column of pictures a second, of which more is better; it follows from the others.
const RATE: &str = "pictures/s";

/// Cells of the rows of the tables in a text.
fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    let cells = |line| str::split(line, '|').map(str::trim).filter(|cell| !cell.is_empty()).collect();
    text.lines().filter(|line| line.starts_with('|')).map(cells)
}

/// The figures of `now` that differ from those of the page, or that it lacks.
pub fn compare(page: &str, now: &str) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut skipped = None;
    for cells in rows(now).filter(|cells| !cells[0].starts_with('-')) {
        if cells[0] == "board" {
            skipped = cells.iter().position(|&cell| cell == RATE);
            continue;
        }
        let names = &cells[..NAMES.min(cells.len())];
        // Of a machine's own row the third column is a figure.
        let named = if names[2].parse::<f64>().is_ok() { &names[..2] } else { names };
        let before = rows(page).find(|row| row.starts_with(named));
        for (column, &now) in cells.iter().enumerate().skip(named.len()).filter(|&(column, _)| Some(column) != skipped)
        {
            let before = before.as_ref().and_then(|row| row.get(column)).copied().unwrap_or("nothing");
            let [old, new] = [before, now].map(|cell| cell.parse::<f64>().unwrap_or(f64::NAN));
            let close = (new - old).abs() <= RELATIVE * old.abs() + ABSOLUTE;
            if !close {
                let row = named.join(", ");
                let is_more = new.partial_cmp(&old) != Some(std::cmp::Ordering::Less);
                differences.push(Difference { row, column, before: before.into(), now: now.into(), is_more });
            }
        }
    }
    differences
}

/// A page with tables.
pub const PAGE: &str = "# Page\n\n<!-- table: begin -->\n\n| board | level | clip | a | pictures/s |\n|---|---|---|---|---|\n\
    | M4 | nano | still | 100.0 | 30 |\n\n| board | like | flash |\n|---|---|---|\n| M4 | F4 | 1000 |\n\n<!-- table: end -->\n";

#[test]
fn figures_beyond_two_percent_are_told() {
    let with = |a: &str, rate: &str, flash: &str| {
        let page = PAGE.replace("100.0", a).replace("30", rate).replace("1000", flash);
        compare(PAGE, &page).iter().map(|d| (d.column, d.is_more)).collect::<Vec<_>>()
    };
    assert_eq!(with("102.0", "10", "1020"), []);
    assert_eq!(with("102.1", "30", "1000"), [(3, true)]);
    assert_eq!(with("97", "30", "1021"), [(3, false), (2, true)]);
    assert_eq!(compare("", PAGE).len(), 2, "what the page lacks differs");
}
