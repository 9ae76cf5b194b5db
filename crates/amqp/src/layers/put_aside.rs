//! Putting a message aside, into a retry queue or among the dead letters: the body as it came, headers and
//! properties made anew from what may be kept.

use chrono::{SecondsFormat, Utc};

use super::Settled;
use crate::message::header::{Headers, names};
use crate::{Failure, Message, Publisher, Subject, chain};

/// A message on its way out of its work queue.
pub(super) struct Aside<'a> {
    stage: &'static str,
    message: &'a Message,
    pub(super) headers: Headers,
}

impl<'a> Aside<'a> {
    pub(super) fn new(
        stage: &'static str,
        message: &'a Message,
        subject: &(dyn Fn() -> Option<Subject> + Sync),
    ) -> Self {
        let mut headers = message.kept_headers();
        if message.subject().is_none()
            && let Some(subject) = subject()
        {
            headers.set_subject(&subject);
        }
        Self { stage, message, headers }
    }

    /// Notes a failure that spends an attempt, or the last one.
    pub(super) fn failed(mut self, failure: &Failure) -> Self {
        let now = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
        self.headers.set_text(names::STAGE, self.stage);
        self.headers.set_text(names::ERROR, failure.chain_with_answers());
        self.headers.set_text(names::LAST_FAILED_AT, &*now);
        if !self.headers.contains(names::FIRST_FAILED_AT) {
            self.headers.set_text(names::FIRST_FAILED_AT, &*now);
        }
        self
    }

    /// Publishes it there, and waits for the confirm.
    pub(super) async fn publish(self, publisher: &Publisher, exchange: &str, key: &str) -> Settled<()> {
        let id = self.message.id();
        let properties = self.message.kept_properties(&id).with_headers(self.headers.to_table());
        let sent = publisher.publish_raw(exchange, key, self.message.body.clone(), properties).await;
        if let Err(error) = &sent {
            let error = chain(error);
            tracing::error!(stage = self.stage, message_id = id, error, "could not be put aside");
        }
        sent
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::header::{number, text};

    fn header(aside: &Aside<'_>, name: &str) -> Option<String> {
        text(&aside.headers.to_table(), name)
    }

    #[test]
    fn records_stage_and_times_of_a_failure() {
        let message = Message::plain("{}");
        let aside = Aside::new("upload", &message, &|| None).failed(&Failure::unreached("refused"));
        assert_eq!(header(&aside, names::STAGE).as_deref(), Some("upload"));
        assert_eq!(header(&aside, names::ERROR).as_deref(), Some("refused"));
        assert_eq!(header(&aside, names::FIRST_FAILED_AT), header(&aside, names::LAST_FAILED_AT));
        assert!(header(&aside, names::FIRST_FAILED_AT).is_some());
    }

    #[test]
    fn parked_message_has_no_failure_headers() {
        let message = Message::plain("{}");
        let subject = || Some(Subject::new(names::SUBJECTS[0], "7", "a-uid"));
        let aside = Aside::new("upload", &message, &subject);
        assert_eq!(header(&aside, names::ERROR), None);
        assert_eq!(number(&aside.headers.to_table(), names::ATTEMPT), None);
        assert_eq!(header(&aside, names::RECEIPT).as_deref(), Some("a-uid"));
    }
}
