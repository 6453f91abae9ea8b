//! The user's own allow entries: an exact callable, or everything below a package.

use super::dotted::Dotted;
use crate::report::printable;

/// One entry: `my_pkg.train.loss`, or `my_pkg.models.*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    path: String,
    is_below: bool,
}

/// An allow entry that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{pattern}` is not a callable: write `package.module.name`, or `package.module.*` for everything below a package"
)]
pub struct PatternError {
    pattern: String,
}

impl Pattern {
    pub(super) fn parse(text: &str) -> Result<Self, PatternError> {
        let below = text.strip_suffix(".*");
        let path = below.unwrap_or(text);
        let is_segment = |s: &str| !s.is_empty() && s.chars().all(|c| c == '_' || c.is_alphanumeric());
        if path.split('.').all(is_segment) && (below.is_some() || path.contains('.')) {
            Ok(Self { path: path.to_owned(), is_below: below.is_some() })
        } else {
            Err(PatternError { pattern: printable(text, 200) })
        }
    }

    /// Whether the entry names this very callable.
    pub(super) fn is_exactly(&self, path: &Dotted) -> bool {
        !self.is_below && path.whole() == Some(&self.path)
    }

    /// Whether the entry is a pattern and the callable lies below its package.
    pub(super) fn covers(&self, path: &Dotted) -> bool {
        self.is_below && path.as_str().strip_prefix(&self.path).is_some_and(|rest| rest.starts_with('.'))
    }
}
