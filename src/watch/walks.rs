//! The walks that are under way, in the order in which they are worked on: new folders first, then whole parts one after the
//! other. A walk keeps one folder open and the list of those still to be visited, never a list of files.

use std::collections::{BTreeSet, VecDeque};

use super::event::WalkReason;
use super::poll::Round;
use super::tree::NodeId;
use super::visit::Visit;

#[derive(Debug)]
pub(super) struct Walk {
    number: u64,
    pub reason: WalkReason,
    /// The folder that it began with.
    pub top: NodeId,
    pub stack: Vec<NodeId>,
    pub visit: Option<Visit>,
    pub files: u64,
    /// The whole of a polled root is walked, to be compared with the round before.
    pub is_round: bool,
    pub round: Option<Round>,
}

impl Walk {
    fn has_not_begun(&self) -> bool {
        self.visit.is_none() && self.files == 0 && self.stack == [self.top]
    }
}

#[derive(Debug, Default)]
pub(super) struct Walks {
    soon: VecDeque<Walk>,
    later: VecDeque<Walk>,
    /// Numbers of the walks that are not finished, the one being worked on among them.
    unfinished: BTreeSet<u64>,
    next: u64,
    finished: u64,
}

impl Walks {
    /// Before all whole parts: a folder that has just arrived.
    pub fn add_soon(&mut self, top: NodeId) {
        let walk = self.new_walk(top, WalkReason::NewFolder, false);
        self.soon.push_back(walk);
    }

    /// After those that wait already. One that waits and has not begun serves for both.
    pub fn add_later(&mut self, top: NodeId, reason: WalkReason, is_round: bool) {
        let serves = |walk: &Walk| {
            walk.top == top && walk.has_not_begun() && (walk.reason == reason || reason == WalkReason::Poll)
        };
        if !self.later.iter().any(serves) {
            let walk = self.new_walk(top, reason, is_round);
            self.later.push_back(walk);
        }
    }

    fn new_walk(&mut self, top: NodeId, reason: WalkReason, is_round: bool) -> Walk {
        let number = self.next;
        self.next += 1;
        self.unfinished.insert(number);
        Walk { number, reason, top, stack: vec![top], visit: None, files: 0, is_round, round: None }
    }

    /// Takes the walk that is to be worked on now; [`Self::put_back`] or [`Self::finish`] must follow.
    pub fn take(&mut self) -> Option<Walk> {
        self.soon.pop_front().or_else(|| self.later.pop_front())
    }

    pub fn put_back(&mut self, walk: Walk) {
        let queue = if walk.reason == WalkReason::NewFolder { &mut self.soon } else { &mut self.later };
        queue.push_front(walk);
    }

    pub fn finish(&mut self, walk: &Walk) {
        self.unfinished.remove(&walk.number);
        if walk.reason != WalkReason::NewFolder {
            self.finished += 1;
        }
    }

    /// The number that the next walk will get: all that were asked for until now are smaller.
    pub fn next_number(&self) -> u64 {
        self.next
    }

    /// True when every walk with a number below `number` is finished.
    pub fn are_finished_before(&self, number: u64) -> bool {
        self.unfinished.first().is_none_or(|&first| first >= number)
    }

    /// Walks of whole parts that were finished.
    pub fn finished(&self) -> u64 {
        self.finished
    }
}
