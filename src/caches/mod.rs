//! What a path in a model cache means: which cache it is in, and which repository, revision, run or model it belongs to.
//!
//! One file a layout; a new one is a file and a line in `layout`. Nothing here opens or trusts a file: an [`Origin`] is what a
//! name says, for people, policy and the history. Only [`discover`] touches the file system, to resolve where the caches are.

mod environment;
mod folder;
mod huggingface;
mod keras;
mod mlflow;
mod torch_hub;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use crate::config::CacheKind;
use crate::config::Watch;
use crate::report::printable;

pub use environment::Environment;

/// The longest text of an [`Origin`], in bytes after escaping.
const MAX_TEXT_BYTES: usize = 1024;

/// A folder that is to be watched. It may not exist yet.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Root {
    /// Absolute; canonical as far as it existed when it was discovered.
    pub path: PathBuf,
    /// What the paths below it mean.
    pub cache: CacheKind,
}

/// What a layout knows: where its caches are, and what a path relative to one means.
struct Layout {
    roots: fn(&Environment) -> Vec<PathBuf>,
    origin: fn(&Path) -> Origin,
    is_passed_over: fn(&Path) -> bool,
}

/// The folders to be watched: the known caches that the configuration asks for, where the tools themselves would look for them,
/// then the configured paths. Without doubles; the first to name a folder says what it is, so that a cache that is also given as a
/// path stays a cache. A root inside another root is kept: see [`root_of`].
pub fn discover(environment: &Environment, watch: &Watch) -> Vec<Root> {
    let known = watch
        .caches
        .iter()
        .flat_map(|&kind| (layout(kind).roots)(environment).into_iter().map(move |path| (path, kind)));
    let given = watch.paths.iter().map(|path| (path.clone(), CacheKind::Folder));
    let mut roots: Vec<Root> = Vec::new();
    for (path, cache) in known.chain(given) {
        let path = resolve(&environment.absolute(&path));
        if !roots.iter().any(|root| root.path == path) {
            roots.push(Root { path, cache });
        }
    }
    roots
}

/// The root that a path belongs to: where roots lie inside each other, the innermost.
pub fn root_of<'a>(roots: &'a [Root], path: &Path) -> Option<&'a Root> {
    roots.iter().filter(|root| path.starts_with(&root.path)).max_by_key(|root| root.path.as_os_str().len())
}

/// What a path below `root` says about where the file comes from.
pub fn origin(root: &Root, path: &Path) -> Origin {
    path.strip_prefix(&root.path).map_or_else(|_| Origin::of(root.cache), layout(root.cache).origin)
}

/// True for what a tool keeps in its cache and never loads as a model under that name: locks, partial downloads, databases. Only
/// exact positions in the layout count, never a suffix by itself.
///
/// A hub chooses the names of blobs, so a hostile one can call a blob `x.incomplete`: a file that a snapshot's link points to (see
/// [`link_target`]) is to be scanned whatever this says.
pub fn is_passed_over(root: &Root, path: &Path) -> bool {
    path.strip_prefix(&root.path).is_ok_and(layout(root.cache).is_passed_over)
}

/// The blob that a symlink in a hub snapshot points to, when `target` (the link's text) leads to a blob of the same repository.
/// Works on names alone: one hop, nothing is followed, and what leaves the repository's `blobs` folder is `None`.
pub fn link_target(root: &Root, link: &Path, target: &Path) -> Option<PathBuf> {
    match root.cache {
        CacheKind::Huggingface => huggingface::link_target(&root.path, link, target),
        _ => None,
    }
}

fn layout(kind: CacheKind) -> Layout {
    match kind {
        CacheKind::Huggingface => huggingface::LAYOUT,
        CacheKind::Mlflow => mlflow::LAYOUT,
        CacheKind::TorchHub => torch_hub::LAYOUT,
        CacheKind::Keras => keras::LAYOUT,
        CacheKind::Folder => folder::LAYOUT,
    }
}

/// The path with symlinks resolved as far as it exists, and the rest as it was given.
fn resolve(path: &Path) -> PathBuf {
    for existing in path.ancestors() {
        if let (Ok(canonical), Ok(rest)) = (existing.canonicalize(), path.strip_prefix(existing)) {
            return if rest.as_os_str().is_empty() { canonical } else { canonical.join(rest) };
        }
    }
    path.to_owned()
}

/// The components of a relative path, as layouts match them.
fn segments(path: &Path) -> Vec<&OsStr> {
    path.iter().collect()
}

/// A name for an [`Origin`]: printable and bounded.
fn text(name: &OsStr) -> String {
    printable(&name.to_string_lossy(), MAX_TEXT_BYTES)
}

/// Several components as one name: `unet/model.bin`. `None` when there are none.
fn joined(names: &[&OsStr]) -> Option<String> {
    let parts: Vec<_> = names.iter().map(|name| name.to_string_lossy()).collect();
    (!parts.is_empty()).then(|| printable(&parts.join("/"), MAX_TEXT_BYTES))
}

/// True for exactly `digits` lower-case hexadecimal digits.
fn is_hex(name: &str, digits: usize) -> bool {
    name.len() == digits && name.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

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
        Self::of(CacheKind::Folder)
    }

    /// A file of a cache, of which nothing else is known.
    pub fn of(cache: CacheKind) -> Self {
        Self { cache, repository: None, revision: None, name: None, experiment: None, run: None, model: None }
    }
}

#[cfg(test)]
mod tests;
