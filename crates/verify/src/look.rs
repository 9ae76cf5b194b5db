//! Looking one receipt up in Omnium: gently, and again where the answer may have been too early.

use std::time::Duration;

use events::Uid;
use omnium::{Asset, CallError, Omnium};
use report::OMNIUM;
use sync_store::{Record, SettledReceipt, State, StoreError, SyncStore, fingerprint};
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};

use crate::compare::{Compared, compare, file_name, mapped};
use crate::{Difference, NotCompared};

/// Omnium's reads lag a write by about a second; what was written in so many seconds is looked at
/// again before it counts as different.
const LAG: Duration = Duration::from_secs(3);

/// Omnium for a tenant, by its uid; `None` where nobody is known who may ask there.
pub type OmniumOf<'a> = dyn Fn(&str) -> Option<Omnium> + Send + Sync + 'a;

/// Who looks, and how fast.
pub(crate) struct Looker<'a> {
    store: &'a dyn SyncStore,
    omnium: &'a OmniumOf<'a>,
    pace: Interval,
}

/// Why a receipt could not be looked at.
pub(crate) enum Trouble {
    Store(StoreError),
    Omnium(CallError),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<CallError> for Trouble {
    fn from(error: CallError) -> Self {
        Self::Omnium(error)
    }
}

impl<'a> Looker<'a> {
    /// Makes so many calls a second at most.
    pub(crate) fn new(store: &'a dyn SyncStore, omnium: &'a OmniumOf<'a>, per_second: u32) -> Self {
        let mut pace = interval(Duration::from_secs(1) / per_second.max(1));
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { store, omnium, pace }
    }

    /// Compares one receipt; `None` where it has no record for Omnium yet.
    pub(crate) async fn look(&mut self, receipt: &SettledReceipt) -> Result<Option<Compared>, Trouble> {
        let Some(mut record) = self.store.record(&receipt.key, OMNIUM).await? else { return Ok(None) };
        loop {
            let compared = self.compare(&record, receipt).await?;
            if compared.differences.is_empty() {
                return Ok(Some(compared));
            }
            // What changes meanwhile is no difference, and is looked at as it is then.
            let now = self.store.record(&receipt.key, OMNIUM).await?.unwrap_or_else(|| record.clone());
            // By the store's clock; what was written before it was set back is as old as it may be.
            let age = (self.store.now().await? - now.updated_at).abs().to_std().unwrap_or(LAG);
            if now == record && age >= LAG {
                return Ok(Some(compared));
            }
            sleep(LAG.saturating_sub(age)).await;
            record = now;
        }
    }

    async fn compare(&mut self, record: &Record, receipt: &SettledReceipt) -> Result<Compared, Trouble> {
        let id = record.invoice_id.as_deref().unwrap_or(&receipt.key.receipt_uid);
        // The uid of a receipt of which only broken events were heard may be none.
        let Some(id) = Uid::new(id) else { return Ok(Compared::default()) };
        let name = file_name(record, &receipt.voucher_number);
        let Some(omnium) = (self.omnium)(&receipt.key.tenant_uid) else {
            return Ok(Compared { not_compared: vec![NotCompared::NoApiUser], ..Compared::default() });
        };
        let found = self.patiently(async || omnium.find_invoice(&id).await).await?;
        let mut compared = compare(record, mapped(&receipt.body).as_ref(), &name, found.as_ref());
        if record.state == State::Complete
            && let Some(found) = &found
            && let Some(asset) = found.files(&name).next()
        {
            self.compare_content(&omnium, record, &name, asset, &mut compared).await?;
        }
        Ok(compared)
    }

    /// The file by its SHA-256, as it was attached.
    async fn compare_content(
        &mut self,
        omnium: &Omnium,
        record: &Record,
        name: &str,
        asset: &Asset,
        compared: &mut Compared,
    ) -> Result<(), Trouble> {
        let Some(attached) = &record.pdf_sha256 else {
            compared.not_compared.push(NotCompared::FingerprintUnknown);
            return Ok(());
        };
        match self.patiently(async || omnium.download(asset).await).await {
            Ok(Some(content)) if fingerprint(&content) == *attached => {}
            Ok(Some(_)) => compared.differences.push(Difference::FileDiffers { name: name.to_owned() }),
            // Omnium is there: it has just answered. Where files are is another matter.
            Ok(None) | Err(_) => compared.not_compared.push(NotCompared::FileNotToBeHad),
        }
        Ok(())
    }

    /// Makes a call at the pace, and waits for as long as a 429 says, however long that is.
    async fn patiently<T>(&mut self, call: impl AsyncFn() -> Result<T, CallError>) -> Result<T, CallError> {
        loop {
            self.pace.tick().await;
            match call().await {
                Err(CallError::Throttled { retry_after, .. }) => sleep(retry_after).await,
                Err(CallError::NotMade { .. }) => {}
                answer => return answer,
            }
        }
    }
}
