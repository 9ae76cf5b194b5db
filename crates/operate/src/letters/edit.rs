//! Sending a corrected body on in the place of a dead letter.

use amqp::{BoxError, BrowseError, Browser, DeadLetterQueue, Destination, Found};
use events::About;
use sync_store::{DeadLetter, DeadLetterInFull, NewAuditEntry, Place, StoreError};

use super::lease::Lease;
use super::{DeadLetterError, Desk};

/// Why a corrected body was not sent.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// The dead letter is not known or is elsewhere, or somebody else moves dead letters of the stage.
    #[error(transparent)]
    DeadLetter(Box<DeadLetterError>),
    /// The dead letter's stage is none of the chain's.
    #[error("letter {id} is of stage {stage}, which this version does not have; nothing was sent")]
    UnknownStage {
        /// The dead letter.
        id: String,
        /// The stage.
        stage: String,
    },
    /// The stage could not read the body.
    #[error("{stage} could not read the corrected body; nothing was sent")]
    Unreadable {
        /// The stage.
        stage: String,
        /// Why.
        #[source]
        source: BoxError,
    },
    /// The body is about something else than the dead letter.
    #[error(
        "the dead letter is about {letter}, the corrected body about {body}: nothing was sent; what is about another one is published as its own event, `bilag publish`"
    )]
    AboutAnother {
        /// What the dead letter is about.
        letter: String,
        /// What the body is about.
        body: About,
    },
    /// Nothing was corrected.
    #[error("the body is as it was: nothing was sent; `bilag dead redrive {id}` sends it on unchanged")]
    Unchanged {
        /// The dead letter.
        id: String,
    },
    /// The index has the dead letter and its queue has not.
    #[error(
        "letter {id} is not in bilag.{stage}.dead any more: nothing was sent; `bilag dead reindex` makes the index say so"
    )]
    Gone {
        /// The dead letter.
        id: String,
        /// The stage.
        stage: String,
    },
}

impl From<DeadLetterError> for EditError {
    fn from(error: DeadLetterError) -> Self {
        Self::DeadLetter(Box::new(error))
    }
}

impl From<StoreError> for EditError {
    fn from(error: StoreError) -> Self {
        DeadLetterError::from(error).into()
    }
}

impl From<BrowseError> for EditError {
    fn from(error: BrowseError) -> Self {
        DeadLetterError::from(error).into()
    }
}

impl Desk<'_> {
    /// Sends a corrected body to the work queue of the dead letter's stage, with all attempts, and puts the
    /// dead letter into the archive. The message sent is linked to the dead letter by `x-bilag-edited-from`. Killed
    /// in between, the dead letter is where it was: the same body once more is the same message, and its
    /// receipt is recognised.
    ///
    /// # Errors
    /// Nothing was sent, unless the archive could not take the dead letter.
    pub async fn edit(&self, who: &str, id: &str, body: &[u8]) -> Result<(), EditError> {
        let DeadLetterInFull { noted, .. } = self.letter_to_edit(id).await?;
        let letter = &noted.letter;
        self.accepts(letter, body)?;
        let lease = Lease::take(self.store, &letter.stage, who).await?;
        let sent = self.send_edited(who, letter, body).await;
        lease.give_back().await;
        sent
    }

    /// The dead letter, where it waits for a person.
    ///
    /// # Errors
    /// It is not known, or is elsewhere.
    pub async fn letter_to_edit(&self, id: &str) -> Result<DeadLetterInFull, EditError> {
        let found = self.store.dead_letter(id).await?;
        let found = found
            .ok_or_else(|| DeadLetterError::Unknown { id: id.to_owned(), store: self.store.describe() })?;
        let (is, should) = (found.noted.place, Place::Dead);
        if is != should {
            return Err(DeadLetterError::Elsewhere { id: id.to_owned(), is, should }.into());
        }
        Ok(found)
    }

    /// Whether the stage could read the body, and it is about what the dead letter is about.
    fn accepts(&self, letter: &DeadLetter, body: &[u8]) -> Result<(), EditError> {
        let (id, stage) = (letter.id.clone(), letter.stage.clone());
        let Some(known) = self.stages.iter().find(|known| known.name == stage) else {
            return Err(EditError::UnknownStage { id, stage });
        };
        let about = known.check(body).map_err(|source| EditError::Unreadable { stage, source })?;
        let Some(body) = about else { return Ok(()) };
        let letter = match (&body, &letter.key, &letter.package) {
            (About::Receipt { tenant, receipt }, Some(key), _)
                if (&**tenant, &**receipt) != (&*key.tenant_uid, &*key.receipt_uid) =>
            {
                format!("receipt {key}")
            }
            (About::Package(id), _, Some(key)) if *id != key.package_id => format!("package {key}"),
            _ => return Ok(()),
        };
        Err(EditError::AboutAnother { letter, body })
    }

    async fn send_edited(&self, who: &str, letter: &DeadLetter, body: &[u8]) -> Result<(), EditError> {
        let mut walk = Browser::begin(self.broker, &letter.stage, DeadLetterQueue::Dead).await?;
        let sent = self.send_in_place(&mut walk, who, letter, body).await;
        walk.end().await;
        sent
    }

    async fn send_in_place(
        &self,
        walk: &mut Browser,
        who: &str,
        letter: &DeadLetter,
        body: &[u8],
    ) -> Result<(), EditError> {
        let (id, stage) = (letter.id.clone(), letter.stage.clone());
        let Some(found) = find(walk, &id).await? else { return Err(EditError::Gone { id, stage }) };
        if is_unchanged(&found, body) {
            return Err(EditError::Unchanged { id });
        }
        let ids = [id];
        let act = |act| NewAuditEntry { who, act, stage: &stage, letters: &ids, detail: "" };
        self.store.write_audit(&act("edit")).await?;
        walk.put_edited(&found, body).await?;
        self.store.write_audit(&act("discard")).await?;
        walk.put(&found, Destination::Discarded).await?;
        walk.take([found]).await?;
        self.store.move_dead_letters(&ids, Place::Discarded).await?;
        Ok(())
    }
}

/// Whether the stage would read the same once more. Compressed without saying so, it reads another body.
fn is_unchanged(found: &Found, body: &[u8]) -> bool {
    let message = &found.message;
    let before = events::decompress(&message.body, message.content_encoding());
    is_same(before.as_deref().unwrap_or(&message.body), body)
}

/// Whether two bodies say the same. White space between tokens is no change: an editor may indent the body, or end its
/// last line.
pub fn is_same(before: &[u8], body: &[u8]) -> bool {
    let is_json = |body: &[u8]| serde_json::from_slice::<&serde_json::value::RawValue>(body).is_ok();
    before.trim_ascii() == body.trim_ascii()
        || is_json(before) && is_json(body) && without_white_space(before).eq(without_white_space(body))
}

/// JSON without what stands between its tokens.
fn without_white_space(json: &[u8]) -> impl Iterator<Item = u8> {
    let (mut in_string, mut escaped) = (false, false);
    json.iter().copied().filter(move |byte| {
        let is_quote = *byte == b'"' && !escaped;
        escaped = in_string && *byte == b'\\' && !escaped;
        in_string ^= is_quote;
        in_string || !byte.is_ascii_whitespace()
    })
}

async fn find(walk: &mut Browser, id: &str) -> Result<Option<Found>, BrowseError> {
    while let Some(found) = walk.next().await? {
        if found.id == id {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::is_same;

    #[test]
    fn only_white_space_between_tokens_is_no_change() {
        let before = br#"{"a b":"c \" d","e":[1,2]}"#;
        for (body, same) in [
            ("{\n  \"a b\": \"c \\\" d\",\n  \"e\": [1, 2]\n}\n", true),
            (r#"{"ab":"c \" d","e":[1,2]}"#, false),
            (r#"{"a b":"c \"d","e":[1,2]}"#, false),
            (r#"{"a b":"c \" d","e":[12]}"#, false),
        ] {
            assert_eq!(is_same(before, body.as_bytes()), same, "{body}");
        }
        assert!(!is_same(b"{\"a\":1 2}", b"{\"a\":12}"), "what is no JSON has no tokens");
    }
}
