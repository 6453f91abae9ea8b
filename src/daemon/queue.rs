//! The files that wait for their scan: each once, what just arrived before the backlog, small before large.
//!
//! Bounded in memory. What does not fit is not kept but owed: [`Queue::take_overflowed`] then asks for a reconciling walk, which finds
//! it again (a walk costs only a look at each file that is on record already).

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

/// Files that wait at most; at about 250 bytes each this bounds the queue at some 50 MB.
const MAX_WAITING: usize = 200_000;
/// Up to this size, in bytes, a file counts as small and goes before larger ones.
const SMALL_BYTES: u64 = 16 << 20;

/// Why a file waits, in the order in which they are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// It just arrived: a person may load it next.
    Arrived,
    /// A walk found it.
    Backlog,
}

/// The place of a file in the order; smaller is served first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    urgency: Urgency,
    large: bool,
    turn: u64,
    path: PathBuf,
}

/// The waiting files.
#[derive(Debug, Default)]
pub struct Queue {
    order: BTreeSet<Place>,
    places: HashMap<PathBuf, (Urgency, bool, u64)>,
    turns: u64,
    overflowed: bool,
}

impl Queue {
    /// Adds a file, or moves it ahead when it waits already with less urgency.
    pub fn push(&mut self, path: PathBuf, size: u64, urgency: Urgency) {
        if let Some(&(known, large, turn)) = self.places.get(&path) {
            if known <= urgency {
                return;
            }
            self.order.remove(&Place { urgency: known, large, turn, path: path.clone() });
        } else if self.places.len() >= MAX_WAITING && !self.drop_last(urgency) {
            self.overflowed = true;
            return;
        }
        self.turns += 1;
        let large = size > SMALL_BYTES;
        self.places.insert(path.clone(), (urgency, large, self.turns));
        self.order.insert(Place { urgency, large, turn: self.turns, path });
    }

    /// Makes room for something more urgent; `false` when nothing waits that is less urgent.
    fn drop_last(&mut self, urgency: Urgency) -> bool {
        if self.order.last().is_none_or(|last| last.urgency <= urgency) {
            return false;
        }
        if let Some(last) = self.order.pop_last() {
            self.places.remove(&last.path);
        }
        self.overflowed = true;
        true
    }

    /// Takes the next file.
    pub fn pop(&mut self) -> Option<(PathBuf, Urgency)> {
        let first = self.order.pop_first()?;
        self.places.remove(&first.path);
        Some((first.path, first.urgency))
    }

    /// Forgets a file that is gone.
    pub fn forget(&mut self, path: &Path) {
        if let Some((path, (urgency, large, turn))) = self.places.remove_entry(path) {
            self.order.remove(&Place { urgency, large, turn, path });
        }
    }

    /// How many files wait.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether no file waits.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Whether files were turned away since the last call.
    pub fn take_overflowed(&mut self) -> bool {
        std::mem::take(&mut self.overflowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_just_arrived_is_served_first_and_small_before_large() {
        let mut queue = Queue::default();
        queue.push("backlog".into(), 1, Urgency::Backlog);
        queue.push("large".into(), 1 << 40, Urgency::Arrived);
        queue.push("small".into(), 1, Urgency::Arrived);
        let served: Vec<_> = std::iter::from_fn(|| queue.pop()).map(|(path, _)| path).collect();
        assert_eq!(served, [Path::new("small"), Path::new("large"), Path::new("backlog")]);
    }

    #[test]
    fn a_file_waits_once_and_moves_ahead_when_it_arrives_again() {
        let mut queue = Queue::default();
        queue.push("a".into(), 1, Urgency::Backlog);
        queue.push("b".into(), 1, Urgency::Backlog);
        queue.push("b".into(), 1, Urgency::Arrived);
        queue.push("b".into(), 1, Urgency::Backlog);
        assert_eq!(queue.pop(), Some(("b".into(), Urgency::Arrived)));
        assert_eq!(queue.len(), 1);
    }

    #[test]
    fn a_full_queue_turns_the_backlog_away_and_says_so() {
        let mut queue = Queue::default();
        for n in 0..MAX_WAITING {
            queue.push(PathBuf::from(n.to_string()), 1, Urgency::Backlog);
        }
        assert!(!queue.take_overflowed());
        queue.push("late".into(), 1, Urgency::Backlog);
        assert!(queue.take_overflowed());
        queue.push("urgent".into(), 1, Urgency::Arrived);
        assert_eq!(queue.pop(), Some(("urgent".into(), Urgency::Arrived)));
        assert!(queue.take_overflowed());
        assert_eq!(queue.len(), MAX_WAITING - 1);
    }
}
