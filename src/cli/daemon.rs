//! `modelscand sync` and `modelscand reload`: what can be asked of the running daemon besides how it is.

use std::time::Duration;

use anyhow::bail;

use super::Exit;
use crate::config::{Config, paths::Paths};
use crate::daemon::control::{Answer, ControlError, Request, ask};

/// How long a running daemon may take to answer what it answers at once.
const PATIENCE: Duration = Duration::from_secs(10);

/// Wait until everything that exists now has a recorded verdict
///
/// For pipelines and tests: returns when each file in the watched folders that existed when this was called is on record, without
/// waiting for a fixed time.
#[derive(Debug, clap::Args)]
pub struct SyncArgs {
    /// Give up after this many seconds
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u64>,
}

/// Let the running daemon read its configuration again
///
/// A bad configuration is refused and the old one stays in force.
#[derive(Debug, clap::Args)]
pub struct ReloadArgs {}

impl SyncArgs {
    pub(super) fn run(&self) -> anyhow::Result<Exit> {
        expect_done(request(Request::Sync, self.timeout.map(Duration::from_secs))?)
    }
}

impl ReloadArgs {
    pub(super) fn run(&self) -> anyhow::Result<Exit> {
        expect_done(request(Request::Reload, Some(PATIENCE))?)
    }
}

/// Asks the daemon of this user. Where its socket lies does not depend on the configuration, so that a mistake in the file keeps
/// nobody from asking.
pub(super) fn request(request: Request, patience: Option<Duration>) -> anyhow::Result<Answer> {
    let socket = Paths::of(&Config::default())?.control_socket();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(ask(&socket, request, patience))?)
}

/// Asks the daemon how it is; `None` when none runs.
pub(super) fn status() -> anyhow::Result<Option<crate::status::Status>> {
    match request(Request::Status, Some(PATIENCE)) {
        Ok(Answer::Status(status)) => Ok(Some(*status)),
        Ok(Answer::Refused(why)) => bail!("the daemon refused: {why}"),
        Ok(Answer::Done) => bail!("the daemon did not say how it is; if it was upgraded, restart it"),
        Err(error) if matches!(error.downcast_ref(), Some(ControlError::NotRunning(_))) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Lets a running daemon take notice of a change in the allow list. Without a daemon there is nothing to do.
pub(super) fn tell_of_change() -> anyhow::Result<()> {
    match request(Request::Reload, Some(PATIENCE)) {
        Err(error) if matches!(error.downcast_ref(), Some(ControlError::NotRunning(_))) => Ok(()),
        answer => answer.and_then(expect_done).map(drop),
    }
}

fn expect_done(answer: Answer) -> anyhow::Result<Exit> {
    match answer {
        Answer::Refused(why) => bail!("the daemon refused: {why}"),
        Answer::Done | Answer::Status(_) => Ok(Exit::Nothing),
    }
}
