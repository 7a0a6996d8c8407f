//! Aligned columns of plain text.

use std::fmt;

/// The widest line a report may have, in columns.
pub(crate) const WIDTH: usize = 100;

const GAP: &str = "  ";

/// The first column is not cut further than this.
const NARROWEST: usize = 8;

/// Which side of its column a cell keeps to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// Columns with a title each, as wide as their widest cell; text that would make a line longer than [`WIDTH`] is cut
/// in the first column.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    columns: Vec<(&'static str, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(columns: &[(&'static str, Align)]) -> Self {
        Self {
            columns: columns.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a line; cells beyond the last column are not shown, missing ones are empty.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    fn widths(&self) -> Vec<usize> {
        let widest = |(i, (title, _)): (usize, &(&str, Align))| {
            let cells = self.rows.iter().filter_map(|row| row.get(i)).map(|cell| columns(cell));
            cells.fold(columns(title), usize::max)
        };
        let mut widths: Vec<usize> = self.columns.iter().enumerate().map(widest).collect();
        let total: usize = widths.iter().sum::<usize>() + GAP.len() * (widths.len() + 1);
        if let Some(first) = widths.first_mut() {
            let excess = total.saturating_sub(WIDTH);
            *first = first.saturating_sub(excess).max(NARROWEST.min(*first));
        }
        widths
    }
}

/// How many columns of a terminal the text takes; names and numbers here have no wide characters.
fn columns(text: &str) -> usize {
    text.chars().count()
}

/// The text, or as much of it as fits.
fn fitted(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    text.chars()
        .take(width.saturating_sub(3))
        .chain("...".chars())
        .collect()
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        let mut line = |cells: &mut dyn Iterator<Item = &str>| {
            let mut text = String::new();
            for ((&width, &(_, align)), cell) in widths.iter().zip(&self.columns).zip(cells) {
                let cell = fitted(cell, width);
                text.push_str(GAP);
                match align {
                    Align::Left => text.push_str(&format!("{cell:<width$}")),
                    Align::Right => text.push_str(&format!("{cell:>width$}")),
                }
            }
            writeln!(f, "{}", text.trim_end())
        };
        line(&mut self.columns.iter().map(|(title, _)| *title))?;
        for row in &self.rows {
            line(&mut row.iter().map(String::as_str))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        Table::new(&[("edge", Align::Left), ("in", Align::Right), ("left", Align::Right)])
    }

    #[test]
    fn columns_are_aligned_and_lines_end_with_text() {
        let mut table = table();
        table.row(["a -> b".into(), "1,000".into(), "0".into()]);
        table.row(["longer -> b".into(), "7".into(), String::new()]);
        assert_eq!(
            table.to_string(),
            "  edge            in  left\n  a -> b       1,000     0\n  longer -> b      7\n"
        );
    }

    #[test]
    fn lines_stay_within_the_width() {
        let mut table = table();
        table.row(["n".repeat(300), "18,446,744,073,709,551,615".into(), "1".into()]);
        let text = table.to_string();
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        assert!(text.contains("nnn..."), "{text}");
        assert!(text.contains("18,446,744,073,709,551,615"), "{text}");
    }

    #[test]
    fn a_table_without_rows_has_its_titles() {
        assert_eq!(table().to_string(), "  edge  in  left\n");
    }
}
