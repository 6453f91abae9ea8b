//! Tables without lines, fitted to the terminal; whole and unwrapped in a pipe.

use std::io::{self, Write};

use comfy_table::{Attribute, Cell, Color, ContentArrangement, Table, presets};

use crate::report::Verdict;

/// A table with these headings.
pub fn new(headings: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    if table.is_tty() {
        table.set_content_arrangement(ContentArrangement::Dynamic);
    }
    // Whether colour is wanted is decided where it is written, in one place for everything.
    table.enforce_styling();
    table.style_text_only();
    table.set_header(headings.iter().map(|heading| Cell::new(heading).add_attribute(Attribute::Bold)));
    table.discover_columns();
    table.column_iter_mut().for_each(|column| {
        column.set_padding((0, 2));
    });
    table
}

/// A verdict in its colour.
pub fn verdict(verdict: Verdict) -> Cell {
    let cell = Cell::new(super::words_of(verdict));
    match verdict {
        Verdict::Clean => cell.fg(Color::DarkGreen),
        Verdict::Suspicious => cell.fg(Color::DarkYellow),
        Verdict::Malicious => cell.fg(Color::DarkRed).add_attribute(Attribute::Bold),
        Verdict::Unscannable => cell.fg(Color::DarkMagenta),
        Verdict::NotAModel => cell.add_attribute(Attribute::Dim),
    }
}

/// Writes a table; lines do not end in spaces.
///
/// # Errors
/// When `to` cannot be written.
pub fn write(to: &mut dyn Write, table: &Table) -> io::Result<()> {
    table.lines().try_for_each(|line| writeln!(to, "{}", line.trim_end()))
}
