//! What `modelscand doctor` hands to a form of output.

use serde::Serialize;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What it belongs to: `confinement`, `configuration`, `history`, `vault`, `watching`.
    pub group: &'static str,
    /// Its name. Printable.
    pub name: String,
    /// Whether it is as it should be.
    pub holds: bool,
    /// What was seen. Printable.
    pub detail: String,
    /// What a person can do, where it does not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub what_to_do: Option<String>,
}
