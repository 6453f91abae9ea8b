//! Events on their way out, in order and without doubles: a file that is told of and not yet fetched is not told of again.

use std::collections::{HashSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::event::{Cause, Event};

/// Events kept here at most before the kernel's queue is left to fill; a walk stops long before that.
const MAX_EVENTS: usize = 65_536;

#[derive(Debug)]
enum Item {
    Arrived(Arc<Path>, Cause),
    Other(Event),
}

#[derive(Debug, Default)]
pub(super) struct Outbox {
    items: VecDeque<Item>,
    arrived: HashSet<Arc<Path>>,
}

impl Outbox {
    pub fn arrived(&mut self, path: PathBuf, cause: Cause) {
        if self.arrived.contains(path.as_path()) {
            return;
        }
        let path: Arc<Path> = path.into();
        self.arrived.insert(path.clone());
        self.items.push_back(Item::Arrived(path, cause));
    }

    pub fn push(&mut self, event: Event) {
        if let Event::Gone { path } = &event {
            // An arrival after this must come after it.
            self.arrived.remove(path.as_path());
        }
        self.items.push_back(Item::Other(event));
    }

    pub fn pop(&mut self) -> Option<Event> {
        Some(match self.items.pop_front()? {
            Item::Arrived(path, cause) => {
                self.arrived.remove(&path);
                Event::Arrived { path: path.to_path_buf(), cause }
            }
            Item::Other(event) => event,
        })
    }

    /// True while `path` is told of and not fetched.
    pub fn has_arrived(&self, path: &Path) -> bool {
        self.arrived.contains(path)
    }

    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub fn is_full(&self) -> bool {
        self.items.len() >= MAX_EVENTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_told_of_once_until_it_is_fetched() {
        let mut outbox = Outbox::default();
        outbox.arrived("/a".into(), Cause::Linked);
        outbox.arrived("/a".into(), Cause::Closed);
        assert!(outbox.pop().is_some());
        assert!(outbox.pop().is_none());
        outbox.arrived("/a".into(), Cause::Closed);
        assert_eq!(outbox.pop(), Some(Event::Arrived { path: "/a".into(), cause: Cause::Closed }));
    }

    #[test]
    fn what_arrives_again_after_it_was_gone_is_told_last() {
        let mut outbox = Outbox::default();
        outbox.arrived("/a".into(), Cause::Closed);
        outbox.push(Event::Gone { path: "/a".into() });
        outbox.arrived("/a".into(), Cause::MovedIn);
        let told: Vec<_> = std::iter::from_fn(|| outbox.pop()).collect();
        assert_eq!(told.last(), Some(&Event::Arrived { path: "/a".into(), cause: Cause::MovedIn }));
    }
}
