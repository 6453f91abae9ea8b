//! Which values make sense: what has the right type and would still surprise its author.
//!
//! Each complaint names its key by a dotted path, so that [`super::load`] can point at the line.

mod policy_rule;

use std::collections::BTreeSet;
use std::path::Path;

use globset::Glob;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::types::{Allow, CacheKind, Config};
use crate::scan::rules::Rules;

/// A value that makes no sense: the dotted path of its key, and why.
pub(super) struct Complaint {
    /// `watch.exclude.2`
    pub key: String,
    /// What is wrong and what would be right.
    pub message: String,
}

type Complaints = Vec<Complaint>;

fn complain(to: &mut Complaints, key: impl Into<String>, message: impl Into<String>) {
    to.push(Complaint { key: key.into(), message: message.into() });
}

/// Everything that makes no sense in `config`.
pub(super) fn check(config: &Config) -> Complaints {
    let mut complaints = Complaints::new();
    caches(config, &mut complaints);
    paths(config, &mut complaints);
    numbers(config, &mut complaints);
    log_level(&config.log.level, &mut complaints);
    for (index, entry) in config.allow.iter().enumerate() {
        allow(index, entry, &mut complaints);
    }
    for (index, rule) in config.policy.rule.iter().enumerate() {
        policy_rule::check(index, rule, &mut complaints);
    }
    complaints
}

fn caches(config: &Config, to: &mut Complaints) {
    let mut seen = BTreeSet::new();
    for (index, kind) in config.watch.caches.iter().enumerate() {
        let key = format!("watch.caches.{index}");
        if *kind == CacheKind::Folder {
            complain(to, key, "`folder` is not a cache that can be looked for; name the folder in `watch.paths`");
        } else if !seen.insert(*kind) {
            complain(to, key, "this cache is listed twice");
        }
    }
}

fn paths(config: &Config, to: &mut Complaints) {
    for (index, path) in config.watch.paths.iter().enumerate() {
        absolute(path, format!("watch.paths.{index}"), to);
    }
    for (index, glob) in config.watch.exclude.iter().enumerate() {
        if let Err(e) = Glob::new(glob) {
            complain(to, format!("watch.exclude.{index}"), format!("not a glob: {}", e.kind()));
        }
    }
    for (key, path) in [("vault.path", &config.vault.path), ("history.path", &config.history.path)] {
        if !path.as_os_str().is_empty() {
            absolute(path, key.to_owned(), to);
        }
    }
}

fn absolute(path: &Path, key: String, to: &mut Complaints) {
    if !path.is_absolute() && !path.starts_with("~") {
        complain(to, key, "a path must start with `/` or `~/`, since a daemon has no folder of its own to start from");
    }
}

fn numbers(config: &Config, to: &mut Complaints) {
    let (scan, limits) = (&config.scan, &config.scan.limits);
    let positive = [
        ("watch.poll_interval_s", config.watch.poll_interval_s),
        ("scan.time_limit_s", scan.time_limit_s),
        ("scan.idle_timeout_s", scan.idle_timeout_s),
        ("scan.limits.max_depth", limits.max_depth.into()),
        ("scan.limits.max_members", limits.max_members),
        ("scan.limits.max_decoded_bytes", limits.max_decoded_bytes),
        ("scan.limits.max_machine_bytes", limits.max_machine_bytes),
        ("sandbox.memory_mb", config.sandbox.memory_mb),
    ];
    for (key, _) in positive.iter().filter(|(_, value)| *value == 0) {
        complain(to, *key, "must be at least 1");
    }
    if scan.workers > MAX_WORKERS {
        complain(to, "scan.workers", format!("must be at most {MAX_WORKERS}; 0 is one for each core, at most 4"));
    }
    if limits.max_machine_bytes >= config.sandbox.memory_mb.saturating_mul(1 << 20) {
        complain(
            to,
            "scan.limits.max_machine_bytes",
            "must be less than `sandbox.memory_mb`, or workers are killed by it",
        );
    }
}

/// More processes than this would only fight for the disk.
const MAX_WORKERS: usize = 256;

fn log_level(filter: &str, to: &mut Complaints) {
    let bad = filter.split(',').map(str::trim).find(|directive| {
        let level = directive.rsplit_once('=').map_or(*directive, |(_, level)| level);
        level.parse::<LevelFilter>().is_err()
    });
    if let Some(bad) = bad {
        let hint = super::load::nearest(bad, &["error", "warn", "info", "debug", "trace"]);
        let hint = hint.map_or_else(String::new, |word| format!(", did you mean `{word}`?"));
        complain(
            to,
            "log.level",
            format!("`{bad}` is neither a level (error, warn, info, debug, trace) nor `module=level`{hint}"),
        );
    } else if let Err(e) = EnvFilter::try_new(filter) {
        complain(to, "log.level", format!("not a filter: {e}"));
    }
}

fn allow(index: usize, entry: &Allow, to: &mut Complaints) {
    let key = |name: &str| format!("allow.{index}.{name}");
    match (&entry.callable, &entry.sha256) {
        (Some(_), Some(_)) => complain(to, key("sha256"), "an entry has one of `callable` and `sha256`, not both"),
        (None, None) => complain(to, format!("allow.{index}"), "an entry needs one of `callable` and `sha256`"),
        (Some(callable), None) => {
            if let Err(e) = Rules::builtin().with_allowed([callable.clone()]) {
                complain(to, key("callable"), e.to_string());
            }
        }
        (None, Some(sha256)) if !is_sha256(sha256) => {
            complain(to, key("sha256"), "not a SHA-256: 64 hexadecimal digits, as `sha256sum FILE` prints");
        }
        _ => {}
    }
    if entry.reason.trim().is_empty() {
        complain(to, key("reason"), "say why: the next person who reads this must know");
    }
}

/// 64 hexadecimal digits.
fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit())
}
