//! Who may scan next: a fixed number of places, small files before big ones, and neither starved by the other.
//!
//! One place is kept from big files, so that small ones go on beside them. A scan that takes long counts as big from then on. Where
//! every place is taken by such scans (with a single worker, one is enough), one small file may have an extra place.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Small files that may pass a waiting big one before it is its turn; else a stream of small files could hide a big one for ever.
const MAX_PASSED: usize = 16;

/// How long a file is likely to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Milliseconds.
    Small,
    /// Perhaps long.
    Big,
}

/// The places and those who wait for one.
#[derive(Debug)]
pub(super) struct Schedule {
    size: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Scans under way.
    running: usize,
    /// Those of them that are big or take long.
    slow: usize,
    small: VecDeque<oneshot::Sender<Place>>,
    big: VecDeque<oneshot::Sender<Place>>,
    /// Small files that have passed the big one that waits longest.
    passed: usize,
    is_closed: bool,
}

/// A place to scan one file; given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    schedule: Arc<Schedule>,
    is_slow: AtomicBool,
}

impl Schedule {
    /// `size` places (at least one), all free.
    pub(super) fn new(size: usize) -> Arc<Self> {
        Arc::new(Self { size: size.max(1), state: Mutex::default() })
    }

    /// The number of places, not counting the extra one.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Scans under way.
    pub(super) fn running(&self) -> usize {
        self.lock().running
    }

    /// Waits for a place; `None` once closed.
    pub(super) async fn enter(self: &Arc<Self>, class: Class) -> Option<Place> {
        let turn = {
            let mut state = self.lock();
            if state.is_closed {
                return None;
            }
            let (sender, turn) = oneshot::channel();
            match class {
                Class::Small => state.small.push_back(sender),
                Class::Big => state.big.push_back(sender),
            }
            turn
        };
        self.call_in();
        turn.await.ok()
    }

    /// Lets nobody in any more; those who wait get `None`.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        state.small.clear();
        state.big.clear();
    }

    /// Gives free places to those who wait.
    fn call_in(self: &Arc<Self>) {
        while let Some((sender, class)) = self.next() {
            let place = Place { schedule: Arc::clone(self), is_slow: AtomicBool::new(class == Class::Big) };
            // Whoever has stopped waiting drops its place at once, which calls in the next.
            drop(sender.send(place));
        }
    }

    fn next(&self) -> Option<(oneshot::Sender<Place>, Class)> {
        let mut state = self.lock();
        let big_may = is_waited_in(&mut state.big) && state.may(Class::Big, self.size);
        let small_may = is_waited_in(&mut state.small) && state.may(Class::Small, self.size);
        if small_may && !(big_may && state.passed >= MAX_PASSED) {
            state.passed = if state.big.is_empty() { 0 } else { state.passed + 1 };
            state.running += 1;
            return state.small.pop_front().map(|sender| (sender, Class::Small));
        }
        if !big_may {
            return None;
        }
        state.passed = 0;
        state.running += 1;
        state.slow += 1;
        state.big.pop_front().map(|sender| (sender, Class::Big))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether somebody waits in `queue`, of which those at the head who have gone are removed.
fn is_waited_in(queue: &mut VecDeque<oneshot::Sender<Place>>) -> bool {
    while queue.pop_front_if(|sender| sender.is_closed()).is_some() {}
    !queue.is_empty()
}

impl State {
    fn may(&self, class: Class, size: usize) -> bool {
        match class {
            Class::Big => self.running < size && self.slow < size.saturating_sub(1).max(1),
            Class::Small => self.running < size || (self.running == size && self.slow == size),
        }
    }
}

impl Place {
    /// Says that this scan takes long.
    pub(super) fn mark_slow(&self) {
        if !self.is_slow.swap(true, Ordering::Relaxed) {
            self.schedule.lock().slow += 1;
            self.schedule.call_in();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        {
            let mut state = self.schedule.lock();
            state.running = state.running.saturating_sub(1);
            if *self.is_slow.get_mut() {
                state.slow = state.slow.saturating_sub(1);
            }
        }
        self.schedule.call_in();
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    type Waiting = Pin<Box<dyn Future<Output = Option<Place>>>>;

    fn queue(schedule: &Arc<Schedule>, class: Class) -> Waiting {
        let schedule = Arc::clone(schedule);
        Box::pin(async move { schedule.enter(class).await })
    }

    fn place(waiting: &mut Waiting) -> Option<Place> {
        match waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(place) => Some(place.expect("closed")),
            Poll::Pending => None,
        }
    }

    fn take(schedule: &Arc<Schedule>, class: Class) -> Option<Place> {
        place(&mut queue(schedule, class))
    }

    #[test]
    fn one_place_is_kept_from_big_files() {
        let schedule = Schedule::new(3);
        let big: Vec<_> = (0..2).map(|_| take(&schedule, Class::Big).unwrap()).collect();
        assert!(take(&schedule, Class::Big).is_none());
        let small = take(&schedule, Class::Small).unwrap();
        assert!(take(&schedule, Class::Small).is_none());
        assert_eq!(schedule.running(), 3);
        drop((big, small));
        assert_eq!(schedule.running(), 0);
    }

    #[test]
    fn a_single_place_on_a_big_file_is_joined_by_one_extra_for_a_small_one() {
        let schedule = Schedule::new(1);
        let _big = take(&schedule, Class::Big).unwrap();
        let _small = take(&schedule, Class::Small).unwrap();
        assert!(take(&schedule, Class::Small).is_none());
        assert!(take(&schedule, Class::Big).is_none());
    }

    #[test]
    fn small_files_that_take_long_do_not_hold_up_the_others() {
        let schedule = Schedule::new(2);
        let slow: Vec<_> = (0..2).map(|_| take(&schedule, Class::Small).unwrap()).collect();
        let mut waiting = queue(&schedule, Class::Small);
        assert!(place(&mut waiting).is_none());
        slow.iter().for_each(Place::mark_slow);
        assert!(place(&mut waiting).is_some());
    }

    #[test]
    fn small_files_come_first_but_a_big_one_is_not_starved() {
        let schedule = Schedule::new(2);
        let held: Vec<_> = (0..2).map(|_| take(&schedule, Class::Small).unwrap()).collect();
        let mut big = queue(&schedule, Class::Big);
        assert!(place(&mut big).is_none());
        let mut small: Vec<_> = (0..MAX_PASSED + 10).map(|_| queue(&schedule, Class::Small)).collect();
        small.iter_mut().for_each(|waiting| assert!(place(waiting).is_none()));
        drop(held);
        let before = small.iter_mut().position(|waiting| {
            drop(place(waiting));
            schedule.state.lock().unwrap().slow > 0
        });
        assert!(before.is_some_and(|passed| (1..=MAX_PASSED).contains(&passed)), "{before:?}");
        assert!(place(&mut big).is_some());
    }

    #[test]
    fn whoever_stops_waiting_takes_no_place() {
        let schedule = Schedule::new(1);
        let held = take(&schedule, Class::Small).unwrap();
        let mut gone = queue(&schedule, Class::Small);
        assert!(place(&mut gone).is_none());
        let mut granted = queue(&schedule, Class::Small);
        assert!(place(&mut granted).is_none());
        drop(gone);
        drop(held);
        drop(granted);
        assert_eq!(schedule.running(), 0);
    }

    #[test]
    fn a_closed_schedule_lets_nobody_in() {
        let schedule = Schedule::new(1);
        let _held = take(&schedule, Class::Small).unwrap();
        let mut waiting = queue(&schedule, Class::Small);
        assert!(place(&mut waiting).is_none());
        schedule.close();
        let polled = waiting.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(polled, Poll::Ready(None)));
    }
}
