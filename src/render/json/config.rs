//! `modelscand config show --json` and `config path --json`.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use super::document;
use crate::config::{Config, Loaded, Paths};
use crate::render::path::text_of;

/// Prints the configuration in force.
///
/// # Errors
/// When `to` cannot be written.
pub fn show(to: &mut dyn Write, loaded: &Loaded) -> io::Result<()> {
    #[derive(Serialize)]
    struct Body<'a> {
        file: Option<String>,
        config: &'a Config,
    }
    document(to, &Body { file: loaded.file.as_deref().map(text_of), config: &loaded.config })
}

/// Prints where things are.
///
/// # Errors
/// When `to` cannot be written.
pub fn paths(to: &mut dyn Write, loaded: &Loaded, paths: &Paths) -> io::Result<()> {
    #[derive(Serialize)]
    struct Body {
        config: Option<String>,
        state: String,
        history: String,
        vault: String,
        runtime: String,
    }
    let text = |path: &Path| text_of(path);
    document(
        to,
        &Body {
            config: loaded.file.as_deref().map(text_of),
            state: text(&paths.state),
            history: text(&paths.database),
            vault: text(&paths.vault),
            runtime: text(&paths.runtime),
        },
    )
}
