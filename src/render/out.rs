//! Standard output as every command writes to it: with colour where it is wanted, and deaf to a reader who has gone.

use std::io::{self, StdoutLock, Write};

use anstream::AutoStream;

/// Locked standard output. After `modelscand … | head` has closed the pipe, what is written goes nowhere and is no error, so that
/// the exit code still tells what was found.
pub struct Out {
    to: Option<AutoStream<StdoutLock<'static>>>,
}

impl Out {
    /// Takes standard output; colour as `--color`, `NO_COLOR` and the terminal say.
    pub fn stdout() -> Self {
        Self { to: Some(AutoStream::auto(io::stdout().lock())) }
    }

    fn or_gone<T>(&mut self, result: io::Result<T>, gone: T) -> io::Result<T> {
        match result {
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => {
                self.to = None;
                Ok(gone)
            }
            other => other,
        }
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(to) = &mut self.to else { return Ok(bytes.len()) };
        let result = to.write(bytes);
        self.or_gone(result, bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let Some(to) = &mut self.to else { return Ok(()) };
        let result = to.flush();
        self.or_gone(result, ())
    }
}
