//! Keras' folder of downloads (`~/.keras/models`, `~/.keras/datasets`), and the cache of kagglehub, which keras_hub downloads its
//! presets to: `models/<owner>/<model>/<framework>/<variation>/<version>/…`.
//! Source of the rules: `keras.utils.get_file`, `keras.config`, `kagglehub.cache`.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::{CacheKind, Environment, Layout, Origin, joined, segments, text};

pub(super) const LAYOUT: Layout = Layout { roots, origin, is_passed_over };

fn roots(environment: &Environment) -> Vec<PathBuf> {
    let in_home = |name: &str| environment.home.as_ref().map(|home| home.join(name));
    let keras = environment.path("KERAS_HOME").or_else(|| in_home(".keras"));
    let kaggle = environment.path("KAGGLEHUB_CACHE").or_else(|| in_home(".cache/kagglehub"));
    keras.into_iter().chain(kaggle).collect()
}

fn origin(path: &Path) -> Origin {
    let mut origin = Origin::of(CacheKind::Keras);
    let names = segments(path);
    match names.as_slice() {
        [models, owner, model, framework, variation, version, name @ ..]
            if *models == "models" && is_number(version) && !name.is_empty() =>
        {
            origin.repository = joined(&[owner, model, framework, variation]);
            origin.revision = Some(text(version));
            origin.name = joined(name);
        }
        [kind, name @ ..] if (*kind == "models" || *kind == "datasets") && !name.is_empty() => {
            origin.name = joined(name);
        }
        names => origin.name = joined(names),
    }
    origin
}

fn is_number(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit()))
}

/// Keras' own settings, at the top of its folder.
fn is_passed_over(path: &Path) -> bool {
    path == Path::new("keras.json")
}
