//! Which letters: by their ids, or all that the index has of a kind.

use std::collections::BTreeMap;

use chrono::Utc;
use sync_store::{LetterFilter, NotedLetter, Page, Place, SyncStore};

use crate::cli::LettersArgs;
use crate::output::Failed;

/// Letters that are read from the index in one go.
const PAGE: u32 = 1000;

/// The chosen letters of each stage.
pub async fn chosen(
    store: &dyn SyncStore,
    args: &LettersArgs,
    place: Place,
) -> Result<BTreeMap<String, Vec<NotedLetter>>, Failed> {
    let letters = if args.ids.is_empty() {
        by_kind(store, args, place).await?
    } else {
        by_id(store, args, place).await?
    };
    let mut stages = BTreeMap::<String, Vec<NotedLetter>>::new();
    for letter in letters {
        stages.entry(letter.letter.stage.clone()).or_default().push(letter);
    }
    Ok(stages)
}

async fn by_id(store: &dyn SyncStore, args: &LettersArgs, place: Place) -> Result<Vec<NotedLetter>, Failed> {
    let mut letters = Vec::new();
    for id in &args.ids {
        let Some(found) = store.dead_letter(id).await.map_err(Failed::plainly)? else {
            return Err(Failed::plainly(format!(
                "no dead letter {id} in {}; `bilag dead list` shows the ids; nothing was moved",
                store.describe()
            )));
        };
        if found.noted.place != place {
            let (is, should) = (found.noted.place.as_str(), place.as_str());
            return Err(Failed::plainly(format!("letter {id} is {is}, not {should}; nothing was moved")));
        }
        letters.push(found.noted);
    }
    Ok(letters)
}

async fn by_kind(
    store: &dyn SyncStore,
    args: &LettersArgs,
    place: Place,
) -> Result<Vec<NotedLetter>, Failed> {
    let kind = &args.kind;
    if !args.all && kind.is_empty() {
        let how =
            "name letters by their ids, by --stage, --reason, --since or --text, or all of them with --all";
        return Err(Failed::used_wrongly("LETTER", how));
    }
    let since = kind.since.map(|since| Utc::now() - since.duration());
    let filter = LetterFilter {
        place,
        stage: kind.stage.clone(),
        reason: kind.reason.clone(),
        since,
        text: kind.text.clone(),
    };
    indexed(store, &filter).await
}

/// All letters of the index that meet the filter.
pub async fn indexed(store: &dyn SyncStore, filter: &LetterFilter) -> Result<Vec<NotedLetter>, Failed> {
    let mut letters = Vec::new();
    loop {
        let offset = u32::try_from(letters.len()).unwrap_or(u32::MAX);
        let page = store.dead_letters(filter, Page { limit: PAGE, offset }).await.map_err(Failed::plainly)?;
        let last = page.len() < PAGE as usize;
        letters.extend(page);
        if last {
            return Ok(letters);
        }
    }
}
