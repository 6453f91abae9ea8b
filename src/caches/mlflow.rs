//! MLflow's local folders: `<experiment>/<run>/artifacts/…` and `<experiment>/models/m-<id>/artifacts/…`, below `mlruns` (file
//! store and client) or `mlartifacts` (a tracking server). A store served from elsewhere leaves nothing here to watch.
//!
//! The experiment's name stands in a `meta.yaml` that is not read here; its number is what the path tells.

use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::{CacheKind, Environment, Layout, Origin, is_hex, joined, segments, text};

pub(super) const LAYOUT: Layout = Layout { roots, origin, is_passed_over };

/// The tracking store, if it is a folder or lies beside a database file; the folders of the server's options; and the defaults.
fn roots(environment: &Environment) -> Vec<PathBuf> {
    let mut roots = Vec::new();
    if let Some(uri) = environment.var("MLFLOW_TRACKING_URI") {
        roots.extend(of_tracking_uri(uri.as_os_str()));
    }
    for option in ["MLFLOW_DEFAULT_ARTIFACT_ROOT", "MLFLOW_ARTIFACTS_DESTINATION"] {
        roots.extend(environment.var(option).and_then(|uri| local_path(uri.as_os_str())));
    }
    roots.extend([PathBuf::from("mlruns"), PathBuf::from("mlartifacts")]);
    roots
}

fn of_tracking_uri(uri: &OsStr) -> Vec<PathBuf> {
    match database_file(uri) {
        Some(file) => {
            let folder = file.parent().unwrap_or(Path::new("")).to_owned();
            vec![folder.join("mlruns"), folder.join("mlartifacts")]
        }
        None => local_path(uri).into_iter().collect(),
    }
}

/// The file of `sqlite:///relative/file` or `sqlite:////absolute/file` (also `sqlite+pysqlite:`), as SQLAlchemy reads them.
fn database_file(uri: &OsStr) -> Option<PathBuf> {
    let (scheme, rest) = split_scheme(uri)?;
    if scheme != "sqlite" && !scheme.starts_with("sqlite+") {
        return None;
    }
    let path = rest.strip_prefix(b"///")?;
    let path = path.split(|&b| b == b'?').next().unwrap_or(path);
    (!path.is_empty() && path != b":memory:").then(|| PathBuf::from(OsStr::from_bytes(path)))
}

/// The path of a plain path, of `file:relative`, `file:/path` or `file:///path`. Other schemes are servers and object stores.
fn local_path(uri: &OsStr) -> Option<PathBuf> {
    let Some((scheme, rest)) = split_scheme(uri) else {
        return (uri != "databricks").then(|| PathBuf::from(uri));
    };
    if scheme != "file" {
        return None;
    }
    let path = match rest.strip_prefix(b"//") {
        Some(with_host) => {
            let slash = with_host.iter().position(|&b| b == b'/')?;
            let (host, path) = with_host.split_at(slash);
            (host.is_empty() || host == b"localhost").then_some(path)?
        }
        None => rest,
    };
    (!path.is_empty()).then(|| PathBuf::from(std::ffi::OsString::from_vec(percent_decoded(path))))
}

fn split_scheme(uri: &OsStr) -> Option<(&str, &[u8])> {
    let bytes = uri.as_bytes();
    let colon = bytes.iter().position(|&b| b == b':')?;
    let (scheme, rest) = bytes.split_at(colon);
    let scheme = std::str::from_utf8(scheme).ok()?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    is_scheme.then(|| (scheme, rest.get(1..).unwrap_or_default()))
}

fn percent_decoded(mut bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    while let Some((&first, rest)) = bytes.split_first() {
        let escape = rest.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match escape.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if first == b'%' => {
                out.push(byte);
                bytes = rest.get(2..).unwrap_or_default();
            }
            _ => {
                out.push(first);
                bytes = rest;
            }
        }
    }
    out
}

fn origin(path: &Path) -> Origin {
    let mut origin = Origin::of(CacheKind::Mlflow);
    let names = segments(path);
    let names = match names.as_slice() {
        [trash, rest @ ..] if *trash == ".trash" => rest,
        names => names,
    };
    match names {
        [experiment, models, model, rest @ ..] if *models == "models" && is_model(model) => {
            origin.experiment = Some(text(experiment));
            origin.model = Some(text(model));
            origin.name = joined(in_artifacts(rest));
        }
        [experiment, run, rest @ ..] if is_run(run) => {
            origin.experiment = Some(text(experiment));
            origin.run = Some(text(run));
            origin.name = joined(in_artifacts(rest));
        }
        _ => origin.name = joined(names),
    }
    origin
}

fn in_artifacts<'a, 'b>(names: &'b [&'a OsStr]) -> &'b [&'a OsStr] {
    match names {
        [artifacts, rest @ ..] if *artifacts == "artifacts" && !rest.is_empty() => rest,
        names => names,
    }
}

fn is_run(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| is_hex(name, 32))
}

fn is_model(name: &OsStr) -> bool {
    name.to_str().and_then(|name| name.strip_prefix("m-")).is_some_and(|id| is_hex(id, 32))
}

/// Uploads under way inside a run's or model's artifacts, and the tracking database with its journals at the top. The small texts
/// that hold metrics and parameters are cheap to scan and are not passed over.
fn is_passed_over(path: &Path) -> bool {
    let names = segments(path);
    match names.as_slice() {
        [name] => ["mlflow.db", "mlflow.db-wal", "mlflow.db-shm", "mlflow.db-journal"].iter().any(|db| name == db),
        [.., name] => is_upload(name) && names.iter().any(|part| *part == "artifacts"),
        [] => false,
    }
}

fn is_upload(name: &OsStr) -> bool {
    let id = name.to_str().and_then(|name| name.strip_prefix(".artifact.uploading."));
    id.is_some_and(|id| !id.is_empty() && id.len() <= 32 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
}
