//! Finds the configuration file, reads it, and says of a mistake where it stands and what was probably meant.
//!
//! A wrong configuration is never half used: [`load`] gives all of it or an error, so that a daemon keeps the old one in force.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::check::{Complaint, check};
use super::document::Document;
use super::paths::config_candidates;
use super::types::Config;
use crate::report::printable;

/// A configuration file of more than this is not one, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// A configuration and where it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// What holds.
    pub config: Config,
    /// The file that said so; `None` when there is none and the defaults hold.
    pub file: Option<PathBuf>,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file is there, or was asked for by name, and cannot be read.
    #[error("cannot read the configuration {}: {source}", shown(file))]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file says something that is not understood.
    #[error("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Invalid {
        /// Each mistake, with its place. Never empty.
        problems: Vec<Problem>,
    },
}

/// One mistake in a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The dotted key, where it is known.
    pub key: Option<String>,
    /// What is wrong, and what was probably meant.
    pub message: String,
    /// The line itself, printable.
    excerpt: String,
    /// Characters to underline.
    width: usize,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, message, excerpt, .. } = self;
        let number = line.to_string();
        let gutter = " ".repeat(number.len());
        let (indent, carets) = (" ".repeat(column.saturating_sub(1)), "^".repeat(self.width));
        writeln!(f, "{}:{line}:{column}: {message}", shown(&self.file))?;
        writeln!(f, "{gutter} |")?;
        writeln!(f, "{number} | {excerpt}")?;
        write!(f, "{gutter} | {indent}{carets}")
    }
}

fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy(), 4096)
}

/// The configuration in force: of `explicit` (which must be there), of the first file that is there among those that are looked
/// for, or the defaults.
///
/// # Errors
/// When a file is there and cannot be read or understood.
pub fn load(explicit: Option<&Path>) -> Result<Loaded, Error> {
    if let Some(file) = explicit {
        return Ok(Loaded { config: parse(&read(file)?, file)?, file: Some(file.to_owned()) });
    }
    for candidate in config_candidates() {
        match read(&candidate.file) {
            Ok(text) => return Ok(Loaded { config: parse(&text, &candidate.file)?, file: Some(candidate.file) }),
            Err(Error::Read { source, .. }) if candidate.may_be_passed_over(&source) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(Loaded { config: Config::default(), file: None })
}

fn read(file: &Path) -> Result<String, Error> {
    let fail = |source| Error::Read { file: file.to_owned(), source };
    let mut text = String::new();
    File::open(file).and_then(|opened| opened.take(MAX_FILE_BYTES + 1).read_to_string(&mut text)).map_err(fail)?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(fail(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 1 MiB")));
    }
    Ok(text)
}

/// Reads `text` as a configuration; `file` is named in errors.
///
/// # Errors
/// [`Error::Invalid`] with the place of each mistake.
pub fn parse(text: &str, file: &Path) -> Result<Config, Error> {
    let document = Document::parse(text);
    let config: Config = toml::from_str(text).map_err(|e| {
        let span = e.span().unwrap_or(0..0);
        let message = explain(e.message(), &document.table_around(span.start));
        Error::Invalid { problems: vec![problem(&document, file, span, None, message)] }
    })?;
    let problems: Vec<_> = check(&config)
        .into_iter()
        .map(|Complaint { key, message }| {
            let span = document.span_of(&key).unwrap_or(0..0);
            let message = format!("{}: {message}", without_indices(&key));
            problem(&document, file, span, Some(key), message)
        })
        .collect();
    if problems.is_empty() { Ok(config) } else { Err(Error::Invalid { problems }) }
}

fn problem(
    document: &Document<'_>,
    file: &Path,
    span: std::ops::Range<usize>,
    key: Option<String>,
    message: String,
) -> Problem {
    let (line, column) = document.position(span.start);
    let excerpt = printable(document.line(line), 400);
    let room = excerpt.chars().count().saturating_sub(column - 1).max(1);
    Problem { file: file.to_owned(), line, column, key, message, excerpt, width: span.len().clamp(1, room) }
}

fn without_indices(key: &str) -> String {
    key.split('.').filter(|step| step.parse::<usize>().is_err()).collect::<Vec<_>>().join(".")
}

/// Says in people's words what serde said in its own, with the nearest right word.
fn explain(message: &str, table: &str) -> String {
    let message = printable(message, 1000);
    let words: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let Some((wrong, right)) = words.split_first() else { return in_words(&message) };
    let place = if table.is_empty() { "at the top".to_owned() } else { format!("in [{table}]") };
    if message.starts_with("unknown field") {
        format!("unknown key `{wrong}` {place}{}", meant(wrong, right))
    } else if message.starts_with("unknown variant") {
        format!("unknown value `{wrong}`{}", meant(wrong, right))
    } else if message.starts_with("missing field") {
        format!("the key `{wrong}` is missing here")
    } else {
        in_words(&message)
    }
}

fn meant(wrong: &str, right: &[&str]) -> String {
    if let Some(word) = nearest(wrong, right) {
        return format!(", did you mean `{word}`?");
    }
    let tables = tables_with(wrong);
    if !tables.is_empty() {
        return format!("; `{wrong}` belongs in {}", tables.join(" or "));
    }
    let right: Vec<_> = right.iter().map(|word| format!("`{word}`")).collect();
    format!("; there are {}", right.join(", "))
}

/// The tables that have a key of this name: `[vault]`.
fn tables_with(key: &str) -> Vec<String> {
    let mut tables = Vec::new();
    if let Ok(defaults) = toml::Table::try_from(Config::default()) {
        collect_tables(&defaults, "", key, &mut tables);
    }
    tables
}

fn collect_tables(table: &toml::Table, path: &str, key: &str, found: &mut Vec<String>) {
    if !path.is_empty() && table.contains_key(key) {
        found.push(format!("[{path}]"));
    }
    for (name, value) in table {
        if let toml::Value::Table(inner) = value {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            collect_tables(inner, &path, key, found);
        }
    }
}

/// Rust's names of types in words that everybody knows.
fn in_words(message: &str) -> String {
    const WORDS: [(&str, &str); 6] = [
        ("expected a boolean", "expected true or false"),
        ("expected a sequence", "expected a list in [ ]"),
        ("expected path string", "expected a path in quotes"),
        ("expected a string", "expected text in quotes"),
        ("expected string or table", "expected text in quotes"),
        ("expected struct ", "expected a table for "),
    ];
    let numbers =
        ["usize", "u64", "u32"].map(|kind| (format!("expected {kind}"), "expected a whole number, 0 or more"));
    let message = numbers.iter().fold(message.to_owned(), |text, (from, to)| text.replace(from, to));
    WORDS.iter().fold(message, |text, (from, to)| text.replace(from, to))
}

/// The word of `right` that `wrong` was probably meant to be: at most a third of its letters differ.
pub(crate) fn nearest<'a>(wrong: &str, right: &[&'a str]) -> Option<&'a str> {
    let wrong = wrong.to_lowercase().replace('-', "_");
    let distance = |word: &str| strsim::damerau_levenshtein(&wrong, &word.replace('-', "_"));
    let (word, distance) = right.iter().map(|word| (*word, distance(word))).min_by_key(|(_, distance)| *distance)?;
    (distance <= (word.len() / 3).max(1)).then_some(word)
}

#[cfg(test)]
mod tests;
