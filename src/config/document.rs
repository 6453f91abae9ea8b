//! The text of a configuration file with the place of each key, to point at a mistake.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

/// A parsed file that remembers where each key and value stands.
pub(super) struct Document<'a> {
    text: &'a str,
    root: DeTable<'a>,
}

impl<'a> Document<'a> {
    /// As much of `text` as is TOML; what is not is left out, and toml's own error has pointed at it before.
    pub(super) fn parse(text: &'a str) -> Self {
        let (root, _errors) = DeTable::parse_recoverable(text);
        Self { text, root: root.into_inner() }
    }

    /// Where the value at a dotted path such as `allow.0.sha256` stands; where it is missing, the deepest table around it.
    pub(super) fn span_of(&self, path: &str) -> Option<Range<usize>> {
        let mut steps = path.split('.');
        let first = self.root.get(steps.next()?)?;
        let mut span = first.span();
        let mut value = first.get_ref();
        for step in steps {
            let next = match (value, step.parse::<usize>()) {
                (DeValue::Array(items), Ok(index)) => items.get(index),
                (DeValue::Table(table), _) => table.get(step),
                _ => None,
            };
            let Some(next) = next else { break };
            span = next.span();
            value = next.get_ref();
        }
        Some(span)
    }

    /// The dotted path of the table that the key at byte `offset` stands in: `policy.downloads`, empty for the top.
    pub(super) fn table_around(&self, offset: usize) -> String {
        let mut path = Vec::new();
        find_key(&self.root, offset, &mut path);
        path.join(".")
    }

    /// Line and column of a byte offset, both from 1; columns count characters.
    pub(super) fn position(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }

    /// The text of a line, from 1.
    pub(super) fn line(&self, number: usize) -> &'a str {
        self.text.lines().nth(number.saturating_sub(1)).unwrap_or_default()
    }
}

/// Leaves in `path` the tables around the key whose span holds `offset`; `false` and no change when there is none.
fn find_key(table: &DeTable<'_>, offset: usize, path: &mut Vec<String>) -> bool {
    table.iter().any(|(key, value)| {
        if key.span().contains(&offset) {
            return true;
        }
        path.push(key.get_ref().to_string());
        let found = match value.get_ref() {
            DeValue::Table(inner) => find_key(inner, offset, path),
            DeValue::Array(items) => items
                .iter()
                .any(|item| matches!(item.get_ref(), DeValue::Table(inner) if find_key(inner, offset, path))),
            _ => false,
        };
        if !found {
            path.pop();
        }
        found
    })
}
