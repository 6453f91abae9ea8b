//! Where files come from: a [`Watcher`] tells of every file that arrives or changes below its roots.
//!
//! It misses nothing, and says so where it cannot: a folder's watch is set *before* the folder is listed, what is moved in is
//! walked, every doubt (a full queue, a lost watch, a mount) leads to a walk, and what gives no events is looked at again and
//! again. A path told by an [`Event`] is only a name: whoever opens it does so through descriptors and compares identities, so an
//! event too many costs little and an event too few is a fault. Only regular files are ever opened, so FIFOs and devices cannot block.
//!
//! Known limit of inotify: a later write through a hard link whose name is outside of every root is seen by the next reconciling
//! walk only. Stores through a mapping are told when it is given up, as that is when the kernel closes the file.

mod degraded;
mod event;
mod filesystem;
mod inspect;
mod interpret;
mod kernel;
mod open;
mod outbox;
mod poll;
mod roots;
mod settings;
mod sync;
#[cfg(test)]
mod tests;
mod tree;
mod visit;
mod walks;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::caches::Root;
use crate::config::{self, Backend};

pub use event::{Cause, Event, RootState, RootStatus, WalkReason, WatchError, WatchStatus};

use degraded::Degraded;
use filesystem::Mounts;
use inspect::Written;
use kernel::Kernel;
use outbox::Outbox;
use roots::{Anchors, RootId, WatchedRoot};
use settings::Settings;
use sync::Cookies;
use tree::Tree;
use walks::Walks;

/// Steps of work after which other tasks of the runtime get their turn.
const STEPS_BEFORE_YIELD: u32 = 16;
/// Events handed out one after the other before the walks get their turn.
const EVENTS_BEFORE_STEP: u64 = 64;

/// Tells of every file that arrives or changes below a set of folders. Needs a tokio runtime with I/O and time enabled.
#[derive(Debug)]
pub struct Watcher {
    settings: Settings,
    /// `None` where everything is polled.
    kernel: Option<Kernel>,
    mounts: Option<Mounts>,
    roots: BTreeMap<RootId, WatchedRoot>,
    next_root: u32,
    tree: Tree,
    anchors: Anchors,
    /// Roots whose place is in doubt, to be looked at again after the events at hand.
    doubtful: BTreeSet<RootId>,
    walks: Walks,
    written: Written,
    outbox: Outbox,
    cookies: Cookies,
    degraded: Degraded,
    overflows: u64,
    events: u64,
}

impl Watcher {
    /// Starts to watch `roots`, each with a walk of what is there already ([`WalkReason::Start`]).
    ///
    /// # Errors
    /// A glob of `exclude` that is none, or `backend = "inotify"` where the kernel gives no inotify instance. With `auto`
    /// everything is polled then, and said to be degraded.
    pub fn start(roots: Vec<Root>, settings: &config::Watch) -> Result<Self, WatchError> {
        let settings = Settings::new(settings)?;
        let mut degraded = Degraded::default();
        let mut outbox = Outbox::default();
        let kernel = match settings.backend {
            Backend::Poll => None,
            Backend::Inotify => Some(Kernel::new().map_err(WatchError::Inotify)?),
            Backend::Auto => Kernel::new()
                .map_err(|errno| {
                    degraded.add(Path::new("/"), &WatchError::Inotify(errno).to_string(), REMEDY_INSTANCES, &mut outbox)
                })
                .ok(),
        };
        let mounts = kernel.is_some().then(Mounts::new).flatten();
        let mut watcher = Self {
            settings,
            kernel,
            mounts,
            roots: BTreeMap::new(),
            next_root: 0,
            tree: Tree::default(),
            anchors: Anchors::default(),
            doubtful: BTreeSet::new(),
            walks: Walks::default(),
            written: Written::default(),
            outbox,
            cookies: Cookies::default(),
            degraded,
            overflows: 0,
            events: 0,
        };
        watcher.set_roots(roots);
        Ok(watcher)
    }

    /// The next event; waits, without a timer unless something is polled, while there is none. Safe to cancel: nothing is lost
    /// when the future is dropped.
    pub async fn next(&mut self) -> Event {
        let mut steps: u32 = 0;
        loop {
            let had_events = self.take_kernel_events();
            self.settle_cookies();
            if let Some(event) = self.outbox.pop() {
                return self.hand_out(event);
            }
            let had_work = had_events || self.step();
            self.settle_cookies();
            if !had_work && self.outbox.is_empty() {
                self.wait().await;
            }
            steps = steps.wrapping_add(1);
            if steps.is_multiple_of(STEPS_BEFORE_YIELD) {
                tokio::task::yield_now().await;
            }
        }
    }

    /// A stream of events must not keep the walks waiting for ever, so every few events a little of them is done.
    fn hand_out(&mut self, event: Event) -> Event {
        self.events += 1;
        if self.events.is_multiple_of(EVENTS_BEFORE_STEP) && !self.outbox.is_full() {
            self.step();
        }
        event
    }

    /// Walks `path`, or the nearest watched folder above it, and tells of every file there; ends with [`Event::Walked`].
    /// Outside of every root it does nothing.
    pub fn walk(&mut self, path: &Path, reason: WalkReason) {
        if let Some(node) = self.nearest_node(path) {
            self.walks.add_later(node, reason, false);
        }
    }

    /// What is watched, and how well.
    pub fn status(&self) -> WatchStatus {
        WatchStatus {
            roots: self.roots.values().map(|root| root.status(&self.degraded)).collect(),
            watches: self.tree.watches() as u64,
            watch_limit: self.kernel.as_ref().and_then(|_| kernel::watch_limit()),
            overflows: self.overflows,
            walks: self.walks.finished(),
            events: self.events,
            degraded: self.degraded.list(),
        }
    }

    /// Waits for the kernel, for a change of the mounts, or until the next look at what is polled.
    async fn wait(&mut self) {
        let due = self.next_poll();
        tokio::select! {
            () = kernel::readable(self.kernel.as_ref()) => {}
            () = filesystem::changed(self.mounts.as_ref()) => self.on_mounts_changed(),
            () = poll::sleep_until(due) => self.start_due_polls(),
        }
    }
}

const REMEDY_INSTANCES: &str = "raise fs.inotify.max_user_instances with sysctl, then restart modelscand";
