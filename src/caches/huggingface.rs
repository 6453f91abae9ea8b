//! The cache of huggingface_hub: one folder a repository, contents in `blobs/` by their ETag, and names in `snapshots/<commit>/`
//! as symlinks to them. Layout: <https://huggingface.co/docs/hub/local-cache>.
//!
//! A server chooses ETags and file names, so neither is trusted to be what the layout says it should be.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use super::{CacheKind, Environment, Layout, MAX_TEXT_BYTES, Origin, is_hex, joined, segments, text};
use crate::report::printable;

pub(super) const LAYOUT: Layout = Layout { roots, origin, is_passed_over };

/// As `huggingface_hub.constants` reads them; `TRANSFORMERS_CACHE` is what transformers 4 used beside it, with the same layout.
fn roots(environment: &Environment) -> Vec<PathBuf> {
    let home =
        || environment.path("HF_HOME").or_else(|| environment.cache_home().map(|cache| cache.join("huggingface")));
    let hub = environment
        .path("HF_HUB_CACHE")
        .or_else(|| environment.path("HUGGINGFACE_HUB_CACHE"))
        .or_else(|| home().map(|home| home.join("hub")));
    hub.into_iter().chain(environment.path("TRANSFORMERS_CACHE")).collect()
}

fn origin(path: &Path) -> Origin {
    let mut origin = Origin::of(CacheKind::Huggingface);
    let names = segments(path);
    let Some((folder, inside)) = names.split_first() else { return origin };
    origin.repository = repository(folder);
    if origin.repository.is_none() {
        origin.name = joined(&names);
        return origin;
    }
    match inside {
        [part, revision, name @ ..] if *part == "snapshots" => {
            origin.revision = Some(text(revision));
            origin.name = joined(name);
        }
        _ => origin.name = joined(inside),
    }
    origin
}

/// `models--org--name` is `org/name`; data sets and spaces keep the prefix that they have in the hub's addresses.
fn repository(folder: &OsStr) -> Option<String> {
    let folder = folder.to_string_lossy();
    let (kind, id) = folder.split_once("--")?;
    let prefix = match kind {
        "models" => "",
        "datasets" => "datasets/",
        "spaces" => "spaces/",
        "kernels" => "kernels/",
        _ => return None,
    };
    (!id.is_empty()).then(|| printable(&format!("{prefix}{}", id.replace("--", "/")), MAX_TEXT_BYTES))
}

fn is_passed_over(path: &Path) -> bool {
    let names = segments(path);
    match names.as_slice() {
        [first, _, ..] if *first == ".locks" => true,
        [name] => *name == "version.txt" || *name == "CACHEDIR.TAG",
        [folder, part, _, ..] if repository(folder).is_some() && (*part == "refs" || *part == ".no_exist") => true,
        [folder, part, blob] if repository(folder).is_some() && *part == "blobs" => is_unfinished(blob),
        _ => false,
    }
}

/// `<etag>.<8 hex>.incomplete` (older: `<etag>.incomplete`), and the probes that ask whether symlinks work here.
fn is_unfinished(blob: &OsStr) -> bool {
    let Some(blob) = blob.to_str() else { return false };
    blob.strip_prefix("tmp_").is_some_and(is_uuid)
        || blob.strip_suffix(".incomplete").is_some_and(|etag| !etag.is_empty())
}

fn is_uuid(name: &str) -> bool {
    let groups: Vec<_> = name.split('-').collect();
    groups.len() == 5 && groups.iter().zip([8, 4, 4, 4, 12]).all(|(group, digits)| is_hex(group, digits))
}

/// See [`super::link_target`].
pub(super) fn link_target(root: &Path, link: &Path, target: &Path) -> Option<PathBuf> {
    let names = segments(link.strip_prefix(root).ok()?);
    let [repository, snapshots, _revision, _file, ..] = names.as_slice() else { return None };
    if *snapshots != "snapshots" {
        return None;
    }
    let resolved = normalise(&link.parent()?.join(target))?;
    let blobs = root.join(repository).join("blobs");
    (resolved.parent()? == blobs).then_some(resolved)
}

/// `.` and `..` taken away by name alone. The folders of a snapshot are real ones, or the path is opened in vain later: whoever
/// opens it does so without following symlinks.
fn normalise(path: &Path) -> Option<PathBuf> {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => out.pop().then_some(())?,
            Component::CurDir => {}
            part => out.push(part),
        }
    }
    Some(out)
}
