//! Who waits until everything is on record that existed when they asked.

use tokio::sync::oneshot;

use super::control::Answer;
use super::queue::Turn;

/// All that wait.
#[derive(Default)]
pub(super) struct Syncs(Vec<Sync>);

struct Sync {
    stage: Stage,
    waiter: Waiter,
}

/// Who waits.
pub(super) enum Waiter {
    /// A client of the control socket.
    Client(oneshot::Sender<Answer>),
    /// The daemon itself: the walk at the start is over.
    Start,
}

enum Stage {
    /// The watcher has not told everything yet.
    Watching { cookie: u64 },
    /// Files up to this turn are still on their way.
    Scanning { last: Turn },
}

impl Syncs {
    /// Adds one that waits for the watcher's `cookie` first.
    pub(super) fn add(&mut self, cookie: u64, waiter: Waiter) {
        self.0.push(Sync { stage: Stage::Watching { cookie }, waiter });
    }

    /// The watcher has told everything before this cookie; `last` is the turn of the last file that was queued.
    pub(super) fn told(&mut self, synced: u64, last: Turn) {
        for sync in &mut self.0 {
            if matches!(sync.stage, Stage::Watching { cookie } if cookie == synced) {
                sync.stage = Stage::Scanning { last };
            }
        }
    }

    /// Whether nobody waits.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes those who wait for no file any more; `oldest` is the turn of the oldest file on its way.
    pub(super) fn take_done(&mut self, oldest: Turn) -> Vec<Waiter> {
        let (done, waiting): (Vec<_>, Vec<_>) = std::mem::take(&mut self.0)
            .into_iter()
            .partition(|sync| matches!(sync.stage, Stage::Scanning { last } if last < oldest));
        self.0 = waiting;
        done.into_iter().map(|sync| sync.waiter).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_waits_for_the_files_that_were_there_and_not_for_later_ones() {
        let mut syncs = Syncs::default();
        syncs.add(7, Waiter::Start);
        assert!(syncs.take_done(Turn::MAX).is_empty(), "the watcher has not told everything yet");
        syncs.told(7, 10);
        assert!(syncs.take_done(10).is_empty(), "file 10 is on its way");
        assert_eq!(syncs.take_done(11).len(), 1);
        assert!(syncs.is_empty());
    }
}
