//! Being the one who acts for a receipt at a target.

use std::time::Duration;

use amqp::Failure;
use sync_store::{Key, Lease, Record, SyncStore};

use crate::failure::{NO_RECORD, NoRecord, of_store};

/// How much later than it arrived a request may take effect, and how far reads may lag behind writes. A
/// lease lasts so much longer than anything of a call that is made under it may still arrive.
pub const MARGIN: Duration = Duration::from_secs(5);

/// Takes the lease of a record; `None` where there is nothing left to do. The lease lasts for
/// `longest_call` and a margin, so that whoever takes over meets the effects of every call.
pub async fn take_turn(
    store: &dyn SyncStore,
    key: &Key,
    target: &str,
    owner: &str,
    longest_call: Duration,
) -> Result<Option<Record>, Failure> {
    let lease = store.lease(key, target, owner, longest_call + MARGIN).await;
    match lease.map_err(of_store)? {
        Lease::Granted(record) => Ok(Some(record)),
        Lease::Complete(_) | Lease::Skipped => Ok(None),
        Lease::Held { left } => {
            Err(Failure::Wait { at_least: left, error: "another handler is at this receipt".into() })
        }
        Lease::NoRecord => Err(Failure::Retry {
            reason: NO_RECORD,
            error: NoRecord { key: key.clone(), store: store.describe() }.into(),
        }),
    }
}

/// Another handler holds the lease by now.
pub fn lost() -> Failure {
    Failure::Wait {
        at_least: MARGIN,
        error: "the lease has run out, and another handler may be at it".into(),
    }
}
