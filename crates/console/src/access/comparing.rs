//! The line of those whose passwords are to be compared: one at a time, as each takes a processor for a
//! while and 19 MiB, and few in line.

use tokio::sync::{Mutex, MutexGuard, Semaphore, SemaphorePermit};

/// So many stand in line, the one whose turn it is among them.
const LINE: usize = 20;

/// The line.
pub(crate) struct Comparing {
    line: Semaphore,
    turn: Mutex<()>,
}

impl Default for Comparing {
    fn default() -> Self {
        Self { line: Semaphore::new(LINE), turn: Mutex::default() }
    }
}

/// A place in the line, until it is dropped.
pub(super) struct Place<'a> {
    comparing: &'a Comparing,
    _permit: SemaphorePermit<'a>,
}

impl Comparing {
    /// A place in the line; `None` where it is full.
    pub(super) fn stand_in_line(&self) -> Option<Place<'_>> {
        Some(Place { comparing: self, _permit: self.line.try_acquire().ok()? })
    }
}

impl Place<'_> {
    /// Waits until it is this one's turn.
    pub(super) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.comparing.turn.lock().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_full_at_some_length_and_moves_on() {
        let comparing = Comparing::default();
        let mut places: Vec<_> = (0..LINE).map_while(|_| comparing.stand_in_line()).collect();
        assert_eq!(places.len(), LINE);
        assert!(comparing.stand_in_line().is_none());
        places.pop();
        assert!(comparing.stand_in_line().is_some());
    }
}
