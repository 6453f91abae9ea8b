//! What a path in a model cache means: which cache it is in, and which repository, revision, run or model it belongs to.
//!
//! One file a layout. Nothing here opens or trusts a file: an [`Origin`] is what a name says, for people, policy and the history.

use serde::{Deserialize, Serialize};

pub use crate::config::CacheKind;

/// Where a file comes from, as its path in a cache tells. All texts are printable and bounded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The layout of the cache.
    pub cache: CacheKind,
    /// Hub repository: `org/name`; for torch hub the repository or checkpoint's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Hub commit (40 hex digits) or branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The file's name within its repository, run or model: `unet/model.bin`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// MLflow experiment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experiment: Option<String>,
    /// MLflow run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// MLflow logged model (`m-…`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

impl Origin {
    /// A file of a plain folder.
    pub fn folder() -> Self {
        Self {
            cache: CacheKind::Folder,
            repository: None,
            revision: None,
            name: None,
            experiment: None,
            run: None,
            model: None,
        }
    }
}
