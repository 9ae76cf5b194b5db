//! The receipt consumer: hears that a receipt was settled, opens its sync record, maps its invoice,
//! and emits `invoice.ready.v1`.

mod read;

use std::sync::Arc;

use amqp::{Failure, Handler, Message, Outcome, Outgoing, Reason, Subject};
use chrono::Utc;
use events::{InvoiceReady, InvoiceReadyType, ReceiptSettled, Target, Timestamp};
use sync_store::{Key, NewReceipt, Opened, State, SyncStore};

pub use read::{CONFLICTING_RECEIPT, MAX_EVENT, ReadError, read};

/// The routing key of what this consumer emits.
pub const EMITS: &str = "invoice.ready.v1";

/// The receipt stage.
pub struct ReceiptConsumer {
    /// Where receipts are remembered.
    pub store: Arc<dyn SyncStore>,
    /// `OMNIUM_SEND_ORDER_RECEIPT_TO_OMNIUM`: without it receipts are recorded as skipped.
    pub send_to_omnium: bool,
    /// `OMNIUM_PROPERTY_PREFIX`.
    pub property_prefix: String,
}

/// The receipt was heard before with other contents.
#[derive(Debug, thiserror::Error)]
#[error(
    "receipt {0} was heard before with different content, and receipts never change: find out which one is right at the till; the first one stays as it is"
)]
struct Conflict(Key);

impl Handler for ReceiptConsumer {
    async fn handle(&self, message: &Message) -> Result<Outcome, Failure> {
        let event = read(message).map_err(|error| Failure::reject(error.reason(), error))?;
        let key = Key::new(&*event.tenant.uid, &*event.order_receipt.uid);
        match self.open(&key, &event, message).await? {
            Opened::New if !self.send_to_omnium => {
                tracing::debug!(receipt = %key, "skipped: OMNIUM_SEND_ORDER_RECEIPT_TO_OMNIUM is false");
                Ok(Outcome::Done(Vec::new()))
            }
            Opened::New | Opened::Again(State::Pending | State::InvoiceCreated | State::Attaching) => {
                Ok(Outcome::Done(vec![self.ready(event)?]))
            }
            Opened::Again(state @ (State::Complete | State::Skipped | State::Dead)) => {
                tracing::debug!(receipt = %key, %state, "heard again; nothing to do");
                Ok(Outcome::AlreadyDone)
            }
            Opened::Differs { .. } => Err(Failure::reject(CONFLICTING_RECEIPT, Conflict(key))),
        }
    }

    fn subject(&self, message: &Message) -> Option<Subject> {
        if message.body.len() > MAX_EVENT {
            return None;
        }
        let (tenant, receipt) = events::receipt_uid(&message.body)?;
        Some(Subject { tenant: tenant.to_string(), receipt: receipt.to_string() })
    }
}

impl ReceiptConsumer {
    /// Opens the record. A receipt kept by an earlier version, which read fewer members, has another
    /// fingerprint; it is the same receipt where this version reads the same from both.
    async fn open(&self, key: &Key, event: &ReceiptSettled, message: &Message) -> Result<Opened, Failure> {
        let opened = self.open_as(key, event, message, &event.fingerprint()).await?;
        if let Opened::Differs { body, fingerprint } = &opened
            && events::decode::<ReceiptSettled>(body).is_ok_and(|kept| kept.same_content(event))
        {
            return self.open_as(key, event, message, fingerprint).await;
        }
        Ok(opened)
    }

    async fn open_as(
        &self,
        key: &Key,
        event: &ReceiptSettled,
        message: &Message,
        fingerprint: &str,
    ) -> Result<Opened, Failure> {
        let receipt = &event.order_receipt;
        let traceparent = message.header_text(amqp::header_names::TRACEPARENT);
        let new = NewReceipt {
            key,
            voucher_number: &receipt.voucher_number,
            order_number: &receipt.order.order_number,
            store_uid: &receipt.order.store.uid,
            currency: &event.tenant.country.currency,
            amount: receipt.amount().get(),
            fingerprint,
            body: &message.body,
            traceparent: traceparent.as_deref(),
        };
        let opened = self.store.open(&new, Target::Omnium.as_str(), self.send_to_omnium).await;
        opened.map_err(Failure::unreached)
    }

    fn ready(&self, receipt: ReceiptSettled) -> Result<Outgoing, Failure> {
        let (tenant, uid) = (receipt.tenant.uid.clone(), receipt.order_receipt.uid.clone());
        let invoice = invoice::map(&receipt, &self.property_prefix);
        let identity = [EMITS, &*tenant, &*uid];
        let event = InvoiceReady {
            id: format!("{tenant}/{uid}"),
            kind: InvoiceReadyType::V1,
            occurred_at: Timestamp::from_utc(Utc::now()),
            targets: vec![Target::Omnium],
            receipt,
            invoice,
        };
        let body =
            serde_json::to_vec(&event).map_err(|error| Failure::reject(Reason::INVALID_EVENT, error))?;
        Ok(Outgoing::event(EMITS, EMITS.to_owned(), &identity, body).about(&tenant, &uid))
    }
}
