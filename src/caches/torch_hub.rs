//! torch's folder of downloads: `hub/checkpoints/<file>` for weights, `hub/<owner>_<repo>_<branch>/…` for code repositories.
//! Source of the rules: `torch.hub.get_dir`, `torch.hub.download_url_to_file`.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::{CacheKind, Environment, Layout, Origin, is_hex, joined, segments, text};

pub(super) const LAYOUT: Layout = Layout { roots, origin, is_passed_over };

fn roots(environment: &Environment) -> Vec<PathBuf> {
    let home = environment.path("TORCH_HOME");
    home.or_else(|| environment.cache_home().map(|cache| cache.join("torch"))).into_iter().collect()
}

fn origin(path: &Path) -> Origin {
    let mut origin = Origin::of(CacheKind::TorchHub);
    let names = segments(path);
    match names.as_slice() {
        [hub, checkpoints, name @ ..] if *hub == "hub" && *checkpoints == "checkpoints" => origin.name = joined(name),
        [hub, repository, name @ ..] if *hub == "hub" && !name.is_empty() => {
            origin.repository = Some(text(repository));
            origin.name = joined(name);
        }
        names => origin.name = joined(names),
    }
    origin
}

/// A download under way, which is renamed when it is whole: `<name>.<32 hex>.partial`.
fn is_passed_over(path: &Path) -> bool {
    match segments(path).as_slice() {
        [hub, checkpoints, name] => *hub == "hub" && *checkpoints == "checkpoints" && is_partial(name),
        _ => false,
    }
}

fn is_partial(name: &OsStr) -> bool {
    let stem = name.to_str().and_then(|name| name.strip_suffix(".partial"));
    stem.and_then(|stem| stem.rsplit_once('.')).is_some_and(|(name, id)| !name.is_empty() && is_hex(id, 32))
}
