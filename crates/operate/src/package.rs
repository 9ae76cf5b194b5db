//! The state of a package as operators see it: that of its round, of its write-back, and whether it is overdue.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sync_store::{PackageRound, PackageState, State};

/// In a word or three. `waiting` is a package requested twice whose receipt is later than the timeout.
pub fn package_status(round: &PackageRound, timeout: Duration, now: DateTime<Utc>) -> &'static str {
    let overdue =
        round.asked_at.is_some_and(|asked| (now - asked).to_std().is_ok_and(|since| since > timeout));
    match (round.state, round.written_back) {
        (PackageState::Asked, _) if overdue && round.accepted_times > 1 => "waiting",
        (PackageState::Issued, Some(State::Complete)) => "written back",
        (PackageState::Issued, Some(State::Dead)) => "not written back",
        (state, _) => state.as_str(),
    }
}
