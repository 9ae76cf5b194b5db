//! Permits that processes share.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use sync_store::{PermitAnswer, PermitLimits, PermitRequest, SyncStore};

use crate::fresh::Fresh;

const USER: &str = "0123456789abcdef";
const LIMITS: PermitLimits = PermitLimits { concurrent: 20, capacity: 100, refill_per_second: 1 };
const LONG: Duration = Duration::from_secs(600);

fn ask(owner: &str, wants: u32, keeps: u32) -> PermitRequest<'_> {
    PermitRequest { owner, wants, keeps, draws: 0, ttl: LONG, hold: None }
}

async fn asked(store: &dyn SyncStore, ask: &PermitRequest<'_>) -> PermitAnswer {
    store.request_permits(USER, &LIMITS, ask).await.expect("answered")
}

pub(crate) async fn concurrent_grants_never_exceed_the_limit(fresh: &Fresh) {
    let handles = [fresh.connect().await, fresh.connect().await];
    // What each process uses: raised after it was granted, lowered before it is given back.
    let in_use = AtomicU32::new(0);
    let drawn = AtomicU32::new(0);
    join_all((0..12_u32).map(|i| {
        let (store, in_use, drawn) = (&handles[i as usize % 2], &in_use, &drawn);
        async move {
            let owner = format!("owner-{i}");
            for round in 0..6 {
                let wants = 1 + (i * 7 + round * 5) % 16;
                let answer = asked(&**store, &PermitRequest { draws: 3, ..ask(&owner, wants, 0) }).await;
                let now = in_use.fetch_add(answer.permits, Ordering::SeqCst) + answer.permits;
                assert!(now <= LIMITS.concurrent, "{now} at once");
                drawn.fetch_add(answer.drawn, Ordering::SeqCst);
                tokio::task::yield_now().await;
                in_use.fetch_sub(answer.permits, Ordering::SeqCst);
            }
            let _ = asked(&**store, &ask(&owner, 0, 0)).await;
        }
    }))
    .await;
    // The bucket held 100, and a request comes back each second.
    let drawn = drawn.load(Ordering::SeqCst);
    assert!((100..=220).contains(&drawn), "{drawn} drawn");
    assert_eq!(asked(&*handles[0], &ask("last", 20, 0)).await.permits, 20, "all was given back");
}

pub(crate) async fn comes_down_to_its_share_when_others_lack_permits(fresh: &Fresh) {
    let (a, b) = (fresh.connect().await, fresh.connect().await);
    assert_eq!(asked(&*a, &ask("a", 16, 0)).await.permits, 16);
    assert_eq!(asked(&*b, &ask("b", 16, 0)).await.permits, 4);
    let limited = asked(&*a, &ask("a", 16, 14)).await;
    assert_eq!((limited.permits, limited.share), (14, Some(10)));
    assert_eq!(asked(&*a, &ask("a", 16, 10)).await.permits, 10);
    assert_eq!(asked(&*b, &ask("b", 16, 4)).await.permits, 10);
}

pub(crate) async fn an_expired_grant_is_free(fresh: &Fresh) {
    let store = fresh.connect().await;
    let short = PermitRequest { ttl: Duration::from_millis(300), ..ask("killed", 20, 0) };
    assert_eq!(asked(&*store, &short).await.permits, 20);
    let other = fresh.connect().await;
    while asked(&*other, &ask("b", 20, 0)).await.permits == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(
        asked(&*store, &PermitRequest { keeps: 20, ..short }).await.permits,
        0,
        "others have them by now"
    );
}

pub(crate) async fn the_bucket_and_a_429_are_shared(fresh: &Fresh) {
    let (a, b) = (fresh.connect().await, fresh.connect().await);
    assert_eq!(asked(&*a, &PermitRequest { draws: 90, ..ask("a", 1, 0) }).await.drawn, 90);
    let hold = PermitRequest { draws: 1, hold: Some(Duration::from_secs(60)), ..ask("b", 1, 0) };
    assert_eq!(asked(&*b, &hold).await.drawn, 0);
    let held = asked(&*a, &PermitRequest { draws: 1, ..ask("a", 1, 0) }).await;
    assert!(held.held > Duration::from_secs(30) && held.drawn <= 1, "{held:?}");
    let alone = a.request_permits("another user", &LIMITS, &ask("a", 20, 0)).await.expect("answered");
    assert_eq!((alone.permits, alone.held), (20, Duration::ZERO), "each API user has its own");
}
