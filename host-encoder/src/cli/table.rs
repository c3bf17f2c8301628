//! Results for people.

use std::fmt;

/// Names and values in two columns, or more, each as wide as it has to be.
#[derive(Clone, Debug, Default)]
pub struct Table {
    rows: Vec<Vec<String>>,
    right: Vec<usize>,
}

impl Table {
    /// An empty table whose columns with these numbers are flush right.
    #[must_use]
    pub fn aligned_right(columns: &[usize]) -> Self {
        Self { rows: Vec::new(), right: columns.into() }
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: [&dyn fmt::Display; N]) -> &mut Self {
        self.rows.push(cells.iter().map(ToString::to_string).collect());
        self
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let cells = |column: usize| self.rows.iter().filter_map(move |row| row.get(column));
        let widths: Vec<usize> =
            (0..columns).map(|column| cells(column).map(|cell| cell.chars().count()).max().unwrap_or(0)).collect();
        for row in &self.rows {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                let width = widths[column];
                line += "  ";
                line +=
                    &if self.right.contains(&column) { format!("{cell:>width$}") } else { format!("{cell:width$}") };
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// A whole number with its thousands apart: `12,345`.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Frames per second without needless digits: `24`, `29.97`.
pub(super) fn rate(num: u32, den: u32) -> String {
    let text = format!("{:.3}", f64::from(num) / f64::from(den));
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_easy_to_read() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([rate(24, 1), rate(30000, 1001), rate(25, 2)], ["24", "29.97", "12.5"]);
    }

    #[test]
    fn columns_line_up() {
        let mut table = Table::aligned_right(&[1]);
        table.row([&"a", &1]).row([&"bcd", &20]);
        assert_eq!(table.to_string(), "  a     1\n  bcd  20\n");
    }
}
