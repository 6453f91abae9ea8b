//! The progress of the walk at the start, on a terminal; nothing in a pipe or under systemd.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::config::LogFormat;

/// A bar on standard error for `watch`, where a person looks at it.
pub(super) fn bar(format: LogFormat) -> Option<ProgressBar> {
    let for_people = matches!(format, LogFormat::Auto | LogFormat::Human);
    if !for_people || !std::io::stderr().is_terminal() {
        return None;
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
    if let Ok(style) = ProgressStyle::with_template("{spinner} {pos} looked at, {msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    Some(bar)
}
