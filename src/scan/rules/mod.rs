//! What is safe, dangerous or unknown: tables of data with a reason and a source, no parsing of models.

/// The built-in tables and the user's own allow entries.
#[derive(Debug, Clone, Default)]
pub struct Rules {}
