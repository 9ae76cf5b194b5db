//! So many a second, in groups where they are many: timers have a resolution of a millisecond.

use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};

/// Groups a second, at most.
const GROUPS: u32 = 100;

/// Lets so many go a second.
pub(super) struct Pace {
    group: u32,
    left: u32,
    groups: Interval,
}

impl Pace {
    pub(super) fn new(per_second: u32) -> Self {
        let group = per_second.div_ceil(GROUPS);
        let mut groups = interval(Duration::from_secs(1) * group / per_second);
        groups.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { group, left: 0, groups }
    }

    /// Waits until the next may go.
    pub(super) async fn tick(&mut self) {
        if self.left == 0 {
            self.groups.tick().await;
            self.left = self.group;
        }
        self.left -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lets_so_many_go_a_second() {
        for per_second in [1, 20, 100, 101, 250, 999, 1_000] {
            let Pace { group, groups, .. } = Pace::new(per_second);
            let rate = f64::from(group) / groups.period().as_secs_f64();
            assert!((rate - f64::from(per_second)).abs() < 0.001, "{rate} at {per_second} a second");
            assert!(groups.period() >= Duration::from_millis(10));
        }
    }
}
