//! Log lines by tracing: for people on a terminal, structured in the journal, JSON on request.

use std::io::{self, IsTerminal, Write};

use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::config::{Log, LogFormat};

/// Starts logging as `log` says. `progress` is a progress bar on the same terminal, if there is one: lines are written above it.
///
/// # Errors
/// When the level is not a filter, or the journal was demanded and is not there.
pub fn init(log: &Log, progress: Option<indicatif::ProgressBar>) -> Result<(), LogError> {
    let filter = EnvFilter::try_new(&log.level).map_err(|e| LogError::Level(log.level.clone(), e.to_string()))?;
    let layer = match effective(log.format) {
        LogFormat::Journald => journald()?,
        LogFormat::Json => tracing_subscriber::fmt::layer().json().with_writer(io::stderr).boxed(),
        LogFormat::Human | LogFormat::Auto => tracing_subscriber::fmt::layer()
            .with_writer(Above(progress))
            .with_ansi(io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
            .with_target(false)
            .boxed(),
    };
    // A second call (a library user who has a subscriber already) keeps the first.
    let _ = tracing_subscriber::registry().with(layer.with_filter(filter)).try_init();
    Ok(())
}

/// Whether log lines in this format go to the journal.
pub(super) fn is_in_journal(format: LogFormat) -> bool {
    effective(format) == LogFormat::Journald
}

/// Why logging could not be started.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The level is no filter of tracing-subscriber.
    #[error("log.level `{0}` is not a level or filter ({1}); use error, warn, info, debug or trace")]
    Level(String, String),
    /// `log.format = "journald"` on a machine without a journal.
    #[error("log.format is `journald`, but the journal cannot be reached: {0}; use `auto` or `human`")]
    Journal(io::Error),
}

/// `auto` is the journal when systemd has connected standard error to it (`JOURNAL_STREAM`, see systemd.exec(5)).
fn effective(format: LogFormat) -> LogFormat {
    match format {
        LogFormat::Auto if std::env::var_os("JOURNAL_STREAM").is_some() && journald().is_ok() => LogFormat::Journald,
        other => other,
    }
}

fn journald() -> Result<Box<dyn Layer<Registry> + Send + Sync>, LogError> {
    let layer = tracing_journald::layer().map_err(LogError::Journal)?;
    Ok(layer.with_field_prefix(Some("MODELSCAND".to_owned())).with_syslog_identifier("modelscand".to_owned()).boxed())
}

/// Standard error, above the progress bar.
#[derive(Clone)]
struct Above(Option<indicatif::ProgressBar>);

impl Write for Above {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match &self.0 {
            Some(bar) => bar.suspend(|| io::stderr().write(line)),
            None => io::stderr().write(line),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

impl<'a> MakeWriter<'a> for Above {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
