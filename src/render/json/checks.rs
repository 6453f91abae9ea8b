//! `modelscand doctor --json`.

use std::io::{self, Write};

use serde::Serialize;

use super::document;
use crate::render::checks::Check;

/// Prints checks.
///
/// # Errors
/// When `to` cannot be written.
pub fn doctor(to: &mut dyn Write, checks: &[Check]) -> io::Result<()> {
    #[derive(Serialize)]
    struct Body<'a> {
        checks: &'a [Check],
    }
    document(to, &Body { checks })
}
