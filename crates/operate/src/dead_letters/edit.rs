//! Editing a dead letter: a corrected body is sent in its place.

use amqp::{BrowseError, Browser, DeadLetterQueue, Destination, Found};
use events::About;
use sync_store::{DeadLetter, DeadLetterInFull, NewAuditEntry, Place};

use super::lease::Lease;
use super::{DeadLetterError, DeadLetterService, EditError, origin};

impl DeadLetterService {
    /// Sends a corrected body to the work queue of the dead letter's stage, with all attempts, and archives the
    /// dead letter. The new message refers to it by `x-bilag-edited-from`. Killed in between, the dead letter
    /// is where it was; sending the same body again is the same message, and its receipt is recognised.
    ///
    /// # Errors
    /// Nothing was sent, unless the error is about the archive.
    pub async fn edit(&self, who: &str, id: &str, body: &[u8]) -> Result<(), EditError> {
        let found = self.editable(id).await?;
        let letter = &found.noted.letter;
        self.accepts(&found, body)?;
        let lease = Lease::take(self.store.as_ref(), &letter.stage, who).await?;
        let sent = self.send_edited(who, letter, body).await;
        lease.give_back().await;
        sent
    }

    /// The dead letter, if it waits for an operator.
    ///
    /// # Errors
    /// It is unknown or elsewhere.
    pub async fn editable(&self, id: &str) -> Result<DeadLetterInFull, EditError> {
        let found = self.store.dead_letter(id).await?;
        let found = found
            .ok_or_else(|| DeadLetterError::Unknown { id: id.to_owned(), store: self.store.describe() })?;
        let (is, should) = (found.noted.place, Place::Dead);
        if is != should {
            return Err(DeadLetterError::Elsewhere { id: id.to_owned(), is, should }.into());
        }
        Ok(found)
    }

    /// Checks that the stage can decode the body, and that it is about the same receipt or package.
    fn accepts(&self, found: &DeadLetterInFull, body: &[u8]) -> Result<(), EditError> {
        let letter = &found.noted.letter;
        let (id, stage) = (letter.id.clone(), letter.stage.clone());
        let Some(known) = self.stages.iter().find(|known| known.name == stage) else {
            return Err(EditError::UnknownStage { id, stage });
        };
        let about = known
            .check(body, origin(found).as_ref())
            .map_err(|source| EditError::Unreadable { stage, source })?;
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
        let mut browser = Browser::begin(&self.broker, &letter.stage, DeadLetterQueue::Dead).await?;
        let sent = self.send_in_place(&mut browser, who, letter, body).await;
        browser.end().await;
        sent
    }

    async fn send_in_place(
        &self,
        browser: &mut Browser,
        who: &str,
        letter: &DeadLetter,
        body: &[u8],
    ) -> Result<(), EditError> {
        let (id, stage) = (letter.id.clone(), letter.stage.clone());
        let Some(found) = find(browser, &id).await? else { return Err(EditError::Gone { id, stage }) };
        if is_unchanged(&found, body) {
            return Err(EditError::Unchanged { id });
        }
        let ids = [id];
        let act = |act| NewAuditEntry { who, act, stage: &stage, letters: &ids, detail: "" };
        self.store.write_audit(&act("edit")).await?;
        browser.put_edited(&found, body).await?;
        self.store.write_audit(&act("discard")).await?;
        browser.put(&found, Destination::Discarded).await?;
        browser.take([found]).await?;
        self.store.move_dead_letters(&ids, Place::Discarded).await?;
        Ok(())
    }
}

/// Whether the stage would read the same again. A body that is compressed without a content encoding is read
/// as it is.
fn is_unchanged(found: &Found, body: &[u8]) -> bool {
    let message = &found.message;
    let before = events::decompress(&message.body, message.content_encoding());
    is_same(before.as_deref().unwrap_or(&message.body), body)
}

/// Whether two bodies are the same but for white space between JSON tokens: an editor may indent the body or
/// end its last line.
pub fn is_same(before: &[u8], body: &[u8]) -> bool {
    let is_json = |body: &[u8]| serde_json::from_slice::<&serde_json::value::RawValue>(body).is_ok();
    before.trim_ascii() == body.trim_ascii()
        || is_json(before) && is_json(body) && without_white_space(before).eq(without_white_space(body))
}

/// JSON without white space between its tokens.
fn without_white_space(json: &[u8]) -> impl Iterator<Item = u8> {
    let (mut in_string, mut escaped) = (false, false);
    json.iter().copied().filter(move |byte| {
        let is_quote = *byte == b'"' && !escaped;
        escaped = in_string && *byte == b'\\' && !escaped;
        in_string ^= is_quote;
        in_string || !byte.is_ascii_whitespace()
    })
}

async fn find(browser: &mut Browser, id: &str) -> Result<Option<Found>, BrowseError> {
    while let Some(found) = browser.next().await? {
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
    fn ignores_white_space_between_json_tokens() {
        let before = br#"{"a b":"c \" d","e":[1,2]}"#;
        for (body, same) in [
            ("{\n  \"a b\": \"c \\\" d\",\n  \"e\": [1, 2]\n}\n", true),
            (r#"{"ab":"c \" d","e":[1,2]}"#, false),
            (r#"{"a b":"c \"d","e":[1,2]}"#, false),
            (r#"{"a b":"c \" d","e":[12]}"#, false),
        ] {
            assert_eq!(is_same(before, body.as_bytes()), same, "{body}");
        }
        assert!(!is_same(b"{\"a\":1 2}", b"{\"a\":12}"), "invalid JSON has no tokens");
    }
}
