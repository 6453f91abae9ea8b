//! The control socket: how `modelscand status`, `sync` and `reload` talk to the running daemon.
//!
//! A Unix socket in the runtime folder; one JSON object a line each way, versioned, bounded and timed. The kernel tells who asks
//! (`SO_PEERCRED`, unix(7)): only root and the daemon's own user are answered.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};

use crate::status::Status;

/// The version of this protocol.
const VERSION: u32 = 1;
/// The longest request, in bytes.
const MAX_REQUEST_BYTES: u64 = 4096;
/// The longest answer that a client takes, in bytes.
const MAX_ANSWER_BYTES: u64 = 4 << 20;
/// How long a client may take to send its request or to take its answer.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(5);
/// Clients served at once; one more waits for its turn.
const MAX_CLIENTS: usize = 16;

/// What can be asked of the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// How it is.
    Status,
    /// Answer when everything that exists now has a recorded verdict.
    Sync,
    /// Read the configuration again.
    Reload,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    version: u32,
    request: Request,
}

/// What the daemon says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// To [`Request::Status`].
    Status(Box<Status>),
    /// Done.
    Done,
    /// Not done; the text says why.
    Refused(String),
}

/// A request on its way to the daemon's loop, with the way back.
pub(super) struct Call {
    pub(super) request: Request,
    pub(super) answer: oneshot::Sender<Answer>,
}

/// Why the daemon could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Nobody listens: no daemon runs here.
    #[error("no daemon is running (nobody listens at {0})")]
    NotRunning(PathBuf),
    /// The daemon belongs to somebody else.
    #[error("the daemon at {0} belongs to another user; ask as that user or as root")]
    NotYours(PathBuf),
    /// It did not answer, or not in a form that this version knows.
    #[error("the daemon at {path} did not answer: {why}; if it was upgraded, restart it")]
    NoAnswer {
        /// The socket.
        path: PathBuf,
        /// What went wrong.
        why: String,
    },
}

/// Asks the daemon that listens at `socket`. `patience` bounds the wait for the answer; `None` waits as long as it takes.
///
/// # Errors
/// When nobody listens or the answer does not come.
pub async fn ask(socket: &Path, request: Request, patience: Option<Duration>) -> Result<Answer, ControlError> {
    let stream = UnixStream::connect(socket).await.map_err(|e| match e.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => ControlError::NotRunning(socket.to_owned()),
        io::ErrorKind::PermissionDenied => ControlError::NotYours(socket.to_owned()),
        _ => no_answer(socket, e),
    })?;
    match patience {
        None => converse(stream, request).await,
        Some(patience) => match tokio::time::timeout(patience, converse(stream, request)).await {
            Ok(answer) => answer,
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {patience:?}"))),
        },
    }
    .map_err(|e| no_answer(socket, e))
}

fn no_answer(socket: &Path, why: io::Error) -> ControlError {
    ControlError::NoAnswer { path: socket.to_owned(), why: why.to_string() }
}

async fn converse(mut stream: UnixStream, request: Request) -> io::Result<Answer> {
    let mut line = serde_json::to_vec(&Asked { version: VERSION, request })?;
    line.push(b'\n');
    stream.write_all(&line).await?;
    let mut answer = String::new();
    BufReader::new(stream.take(MAX_ANSWER_BYTES)).read_line(&mut answer).await?;
    if answer.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(serde_json::from_str(&answer)?)
}

/// The daemon's end. The socket file is removed when this is dropped.
pub(super) struct Server {
    listener: UnixListener,
    path: PathBuf,
}

impl Server {
    /// Listens at `path`, in place of what an ended daemon left there. The caller holds the instance lock.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub(super) fn bind(path: PathBuf) -> io::Result<Self> {
        match std::fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        Ok(Self { listener, path })
    }

    /// Serves clients for ever, handing their requests to `calls`. Runs on a `LocalSet`.
    pub(super) async fn serve(self, calls: mpsc::Sender<Call>) {
        let places = Arc::new(tokio::sync::Semaphore::new(MAX_CLIENTS));
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let calls = calls.clone();
                    tokio::task::spawn_local(async move {
                        if let Err(error) = serve_one(stream, calls).await {
                            tracing::debug!(%error, "a client of the control socket was not served");
                        }
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "the control socket cannot take a client");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn serve_one(mut stream: UnixStream, calls: mpsc::Sender<Call>) -> io::Result<()> {
    let uid = stream.peer_cred()?.uid();
    if uid != 0 && uid != nix::unistd::geteuid().as_raw() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("user {uid} is not answered")));
    }
    let mut line = String::new();
    let mut reader = BufReader::new((&mut stream).take(MAX_REQUEST_BYTES));
    tokio::time::timeout(CLIENT_TIMEOUT, reader.read_line(&mut line)).await??;
    let answer = match serde_json::from_str::<Asked>(&line) {
        Ok(asked) if asked.version == VERSION => call(asked.request, &calls).await,
        Ok(asked) => Answer::Refused(format!("version {} is not spoken here, {VERSION} is", asked.version)),
        Err(e) => Answer::Refused(format!("not a request: {e}")),
    };
    let mut line = serde_json::to_vec(&answer)?;
    line.push(b'\n');
    tokio::time::timeout(CLIENT_TIMEOUT, stream.write_all(&line)).await??;
    Ok(())
}

async fn call(request: Request, calls: &mpsc::Sender<Call>) -> Answer {
    let (answer, answered) = oneshot::channel();
    let ended = || Answer::Refused("the daemon is ending".to_owned());
    if calls.send(Call { request, answer }).await.is_err() {
        return ended();
    }
    answered.await.unwrap_or_else(|_| ended())
}
