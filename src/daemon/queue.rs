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

/// Files are numbered as they come, so that `sync` knows which were there when it was called.
pub type Turn = u64;

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
    turn: Turn,
    path: PathBuf,
}

/// The waiting files.
#[derive(Debug, Default)]
pub struct Queue {
    order: BTreeSet<Place>,
    places: HashMap<PathBuf, (Urgency, bool, Turn)>,
    waiting_turns: BTreeSet<Turn>,
    turns: Turn,
    overflowed: bool,
}

impl Queue {
    /// Adds a file, or moves it ahead when it waits already with less urgency.
    pub fn push(&mut self, path: PathBuf, size: u64, urgency: Urgency) {
        if self.places.get(&path).is_some_and(|(known, ..)| *known <= urgency) {
            return;
        }
        let earlier = self.remove(&path);
        if earlier.is_none() && self.places.len() >= MAX_WAITING && !self.drop_last(urgency) {
            self.overflowed = true;
            return;
        }
        // One that moves ahead keeps its number: whoever waits for it since then still does.
        self.turns += u64::from(earlier.is_none());
        let (large, turn) = (size > SMALL_BYTES, earlier.unwrap_or(self.turns));
        self.places.insert(path.clone(), (urgency, large, turn));
        self.waiting_turns.insert(turn);
        self.order.insert(Place { urgency, large, turn, path });
    }

    /// Makes room for something more urgent; `false` when nothing waits that is less urgent.
    fn drop_last(&mut self, urgency: Urgency) -> bool {
        let Some(last) = self.order.last().filter(|last| last.urgency > urgency).map(|last| last.path.clone()) else {
            return false;
        };
        self.remove(&last);
        self.overflowed = true;
        true
    }

    fn remove(&mut self, path: &Path) -> Option<Turn> {
        let (path, (urgency, large, turn)) = self.places.remove_entry(path)?;
        self.waiting_turns.remove(&turn);
        self.order.remove(&Place { urgency, large, turn, path });
        Some(turn)
    }

    /// Takes the next file, with the turn at which it was added.
    pub fn pop(&mut self) -> Option<(PathBuf, Turn)> {
        let first = self.order.pop_first()?;
        self.remove(&first.path);
        Some((first.path, first.turn))
    }

    /// The turn of the file that was added last.
    pub fn last_turn(&self) -> Turn {
        self.turns
    }

    /// The turn of the file that waits longest.
    pub fn oldest_turn(&self) -> Option<Turn> {
        self.waiting_turns.first().copied()
    }

    /// Forgets a file that is gone.
    pub fn forget(&mut self, path: &Path) {
        let _ = self.remove(path);
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
        assert_eq!(queue.pop().unwrap().0, Path::new("b"));
        assert_eq!(queue.last_turn(), 2);
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
        assert_eq!(queue.pop().unwrap().0, Path::new("urgent"));
        assert!(queue.take_overflowed());
        assert_eq!(queue.len(), MAX_WAITING - 1);
    }
}
