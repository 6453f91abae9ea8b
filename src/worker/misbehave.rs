//! What a worker does that has been taken over, for tests: present only with the feature `misbehave`, never in a release.
//!
//! A file whose hint is named `misbehave:WHAT` makes the worker do it in place of a scan. Whatever it tries, it says a finding
//! `misbehave.escaped` if that succeeds, so that a test sees an escape even where the worker goes on to scan honestly.

use std::fs::File;
use std::hint::black_box;
use std::io::{self, IoSlice};
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{ControlMessage, MsgFlags, send, sendmsg};
use nix::unistd::{Uid, close, getppid, setuid};

use super::protocol::{FromWorker, SaidCoverage, SaidFinding};
use super::serve::say;
use crate::report::{Coverage, Finding, Rule, Severity};
use crate::scan::Hints;

/// Does what the hint asks for, if anything.
pub(super) fn misbehave(id: u64, hints: &Hints) {
    let Some(what) = hints.name.strip_prefix("misbehave:") else { return };
    match what.strip_prefix("connect:") {
        Some(address) => escaped(id, TcpStream::connect(address).is_ok()),
        None => perform(id, what),
    }
}

fn perform(id: u64, what: &str) {
    match what {
        "open" => escaped(id, File::open("/etc/passwd").is_ok()),
        "reopen" => escaped(id, File::options().write(true).open("/proc/self/fd/3").is_ok()),
        "socket" => escaped(id, UnixDatagram::unbound().is_ok()),
        "exec" => drop(Command::new("/bin/true").exec()),
        "fork" => escaped(id, Command::new("/bin/true").spawn().is_ok()),
        "thread" => escaped(id, std::thread::Builder::new().spawn(|| ()).is_ok()),
        "kill-parent" => escaped(id, kill(getppid(), Signal::SIGTERM).is_ok()),
        "become-root" => escaped(id, setuid(Uid::from_raw(0)).is_ok()),
        "allocate" => escaped(id, black_box(vec![1_u8; 10 << 30]).len() == 10 << 30),
        "grow" => drop(black_box(vec![1_u8; 64 << 20])),
        "spin" => loop {
            std::hint::spin_loop();
        },
        "abort" => std::process::abort(),
        "panic" => panic!("told\nto"),
        "overflow" => _ = black_box(deeper(1)),
        "exit" => std::process::exit(0),
        "close-and-spin" => {
            _ = close(io::stdin().as_raw_fd());
            perform(id, "spin");
        }
        "find-and-abort" => {
            find(id, Severity::Critical);
            std::process::abort();
        }
        "garbage" => raw(b"\x00\xff{]"),
        "long-message" => raw(&vec![b' '; 100 * 1024]),
        "answer-1-gib" => (0..(1 << 30) / 16_384).for_each(|_| raw(&[b' '; 16_384])),
        "too-many-findings" => (0..1 << 20).for_each(|_| find(id, Severity::Low)),
        "forge-a-verdict" => {
            find(id, Severity::Critical);
            raw(format!(
                r#"{{"done":{{"id":{id},"verdict":"clean","formats":[],"coverage":null,"findings_dropped":0,"bytes_read":0}}}}"#
            )
            .as_bytes());
        }
        "take-back" => {
            find(id, Severity::Critical);
            clean(id);
        }
        "answer-for-another" => clean(id.wrapping_add(1)),
        "answer-ahead" => (0..3).for_each(|ahead| clean(id.wrapping_add(ahead))),
        "escapes" => find_text(id, "\u{1b}[2J\nJan 1 forged line \u{202e}"),
        "send-a-descriptor" => send_descriptor(),
        "spent" => drop(say(&FromWorker::Spent { id })),
        _ => panic!("unknown misbehaviour"),
    }
}

fn escaped(id: u64, succeeded: bool) {
    if succeeded {
        let finding = Finding::new(Rule::new("misbehave.escaped"), Severity::Critical, "the worker is not confined");
        drop(say(&FromWorker::Finding { id, finding: SaidFinding::from(&finding) }));
    }
}

fn find(id: u64, severity: Severity) {
    let finding = Finding::new(Rule::new("misbehave.found"), severity, "said by a test");
    drop(say(&FromWorker::Finding { id, finding: SaidFinding::from(&finding) }));
}

fn find_text(id: u64, text: &str) {
    let text = serde_json::Value::from(text);
    raw(format!(
        r#"{{"finding":{{"id":{id},"finding":{{"rule":"misbehave.found","severity":"high","message":{text},"member":{text},
            "offset":null,"evidence":{text},"callable":{text}}}}}}}"#
    )
    .as_bytes());
}

fn clean(id: u64) {
    let coverage = SaidCoverage::from(&Coverage::Complete);
    let formats = vec!["pickle".to_owned()];
    drop(say(&FromWorker::Done { id, formats, coverage, findings_dropped: 0, bytes_read: 0 }));
}

fn raw(bytes: &[u8]) {
    let _ = send(io::stdin().as_raw_fd(), bytes, MsgFlags::MSG_NOSIGNAL);
}

fn send_descriptor() {
    let descriptors = [2];
    let rights = [ControlMessage::ScmRights(&descriptors)];
    let _ = sendmsg::<()>(io::stdin().as_raw_fd(), &[IoSlice::new(b"{}")], &rights, MsgFlags::empty(), None);
}

#[expect(unconditional_recursion, reason = "to overflow the stack")]
fn deeper(depth: u64) -> u64 {
    let frame = black_box([depth; 512]);
    deeper(depth + 1) + frame[3]
}
