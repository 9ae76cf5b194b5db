//! Sending a corrected body on in the place of a dead letter.

use amqp::{BoxError, Destination, Found, Shelf, Walk, WalkError};
use events::About;
use sync_store::{Act, Letter, LetterInFull, Place, StoreError};

use super::lease::Lease;
use super::{Desk, LetterError};

/// Why a corrected body was not sent.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// The letter is not known or is elsewhere, or somebody else moves letters of the stage.
    #[error(transparent)]
    Letter(Box<LetterError>),
    /// The letter's stage is none of the chain's.
    #[error("letter {id} is of stage {stage}, which this version does not have; nothing was sent")]
    UnknownStage {
        /// The letter.
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
    /// The body is about something else than the letter.
    #[error(
        "the letter is about {letter}, the corrected body about {body}: nothing was sent; what is about another one is published as its own event, `bilag publish`"
    )]
    AboutAnother {
        /// What the letter is about.
        letter: String,
        /// What the body is about.
        body: About,
    },
    /// Nothing was corrected.
    #[error("the body is as it was: nothing was sent; `bilag dead redrive {id}` sends it on unchanged")]
    Unchanged {
        /// The letter.
        id: String,
    },
    /// The index has the letter and its queue has not.
    #[error(
        "letter {id} is not in bilag.{stage}.dead any more: nothing was sent; `bilag dead reindex` makes the index say so"
    )]
    Gone {
        /// The letter.
        id: String,
        /// The stage.
        stage: String,
    },
}

impl From<LetterError> for EditError {
    fn from(error: LetterError) -> Self {
        Self::Letter(Box::new(error))
    }
}

impl From<StoreError> for EditError {
    fn from(error: StoreError) -> Self {
        LetterError::from(error).into()
    }
}

impl From<WalkError> for EditError {
    fn from(error: WalkError) -> Self {
        LetterError::from(error).into()
    }
}

impl Desk<'_> {
    /// Sends a corrected body to the work queue of the letter's stage, with all attempts, and puts the
    /// letter into the archive. The message sent is linked to the letter by `x-bilag-edited-from`. Killed
    /// in between, the letter is where it was: the same body once more is the same message, and its
    /// receipt is recognised.
    ///
    /// # Errors
    /// Nothing was sent, unless the archive could not take the letter.
    pub async fn edit(&self, who: &str, id: &str, body: &[u8]) -> Result<(), EditError> {
        let LetterInFull { noted, .. } = self.letter_to_edit(id).await?;
        let letter = &noted.letter;
        self.accepts(letter, body)?;
        let lease = Lease::take(self.store, &letter.stage, who).await?;
        let sent = self.send_edited(who, letter, body).await;
        lease.give_back().await;
        sent
    }

    /// The letter, where it waits for a person.
    ///
    /// # Errors
    /// It is not known, or is elsewhere.
    pub async fn letter_to_edit(&self, id: &str) -> Result<LetterInFull, EditError> {
        let found = self.store.dead_letter(id).await?;
        let found =
            found.ok_or_else(|| LetterError::Unknown { id: id.to_owned(), store: self.store.describe() })?;
        let (is, should) = (found.noted.place, Place::Dead);
        if is != should {
            return Err(LetterError::Elsewhere { id: id.to_owned(), is, should }.into());
        }
        Ok(found)
    }

    /// Whether the stage could read the body, and it is about what the letter is about.
    fn accepts(&self, letter: &Letter, body: &[u8]) -> Result<(), EditError> {
        let (id, stage) = (letter.id.clone(), letter.stage.clone());
        let Some(known) = self.stages.iter().find(|known| known.name == stage) else {
            return Err(EditError::UnknownStage { id, stage });
        };
        let about = (known.check)(body).map_err(|source| EditError::Unreadable { stage, source })?;
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

    async fn send_edited(&self, who: &str, letter: &Letter, body: &[u8]) -> Result<(), EditError> {
        let mut walk = Walk::begin(self.broker, &letter.stage, Shelf::Dead).await?;
        let sent = self.send_in_place(&mut walk, who, letter, body).await;
        walk.end().await;
        sent
    }

    async fn send_in_place(
        &self,
        walk: &mut Walk,
        who: &str,
        letter: &Letter,
        body: &[u8],
    ) -> Result<(), EditError> {
        let (id, stage) = (letter.id.clone(), letter.stage.clone());
        let Some(found) = find(walk, &id).await? else { return Err(EditError::Gone { id, stage }) };
        if is_unchanged(&found, body) {
            return Err(EditError::Unchanged { id });
        }
        let ids = [id];
        let act = |act| Act { who, act, stage: &stage, letters: &ids, detail: "" };
        self.store.note_act(&act("edit")).await?;
        walk.put_edited(&found, body).await?;
        self.store.note_act(&act("discard")).await?;
        walk.put(&found, Destination::Discarded).await?;
        walk.take([found]).await?;
        self.store.move_letters(&ids, Place::Discarded).await?;
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

async fn find(walk: &mut Walk, id: &str) -> Result<Option<Found>, WalkError> {
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
