//! Which dead letters: by their ids, of a group, or all that the index has of a kind.

use std::collections::{BTreeMap, HashSet};

use sync_store::{DeadCause, DeadLetterFilter, Page, Place, StoreError, SyncStore};

use super::{DeadLetterError, Deed};

/// Which dead letters. Whatever place a filter names, a deed takes those that are where it takes them from.
#[derive(Clone, Debug)]
pub enum Selection {
    /// These, by their ids.
    Ids(Vec<String>),
    /// Those that meet the filter.
    Filter(DeadLetterFilter),
    /// Those of a group, by its id, that meet the filter.
    Group(String, DeadLetterFilter),
}

impl Selection {
    /// The ids of the dead letters of each stage.
    pub(super) async fn by_stage(
        &self,
        store: &dyn SyncStore,
        deed: Deed,
    ) -> Result<BTreeMap<String, HashSet<String>>, DeadLetterError> {
        let place = deed.place();
        let filter = match self {
            Self::Ids(ids) => {
                all_are_in(store, ids, place).await?;
                DeadLetterFilter { ids: Some(ids.clone()), ..Default::default() }
            }
            Self::Filter(filter) => filter.clone(),
            Self::Group(id, filter) => {
                let Some(found) = group(store, id, place).await? else {
                    return Err(DeadLetterError::UnknownGroup { group: id.clone(), place });
                };
                let DeadCause { stage, reason, cause, .. } = found;
                if filter.stage.as_ref().is_some_and(|only| *only != stage)
                    || filter.reason.as_ref().is_some_and(|only| *only != reason)
                {
                    return Ok(BTreeMap::new());
                }
                let (stage, reason, cause) = (Some(stage), Some(reason), Some(cause));
                DeadLetterFilter { stage, reason, cause, ..filter.clone() }
            }
        };
        let mut stages = BTreeMap::<String, HashSet<String>>::new();
        for letter in store.dead_letter_ids(&DeadLetterFilter { place, ..filter }).await? {
            stages.entry(letter.stage).or_default().insert(letter.id);
        }
        Ok(stages)
    }
}

/// Whoever names dead letters means all of them: one that is elsewhere would be missed.
async fn all_are_in(store: &dyn SyncStore, ids: &[String], place: Place) -> Result<(), DeadLetterError> {
    for id in ids {
        let Some(found) = store.dead_letter(id).await? else {
            return Err(DeadLetterError::Unknown { id: id.clone(), store: store.describe() });
        };
        if found.noted.place != place {
            return Err(DeadLetterError::Elsewhere { id: id.clone(), is: found.noted.place, should: place });
        }
    }
    Ok(())
}

/// The group that an id names, among the dead letters of a place.
pub async fn group(store: &dyn SyncStore, id: &str, place: Place) -> Result<Option<DeadCause>, StoreError> {
    let filter = DeadLetterFilter { place, group: Some(id.to_owned()), ..Default::default() };
    Ok(store.dead_causes(&filter, Page::first(1)).await?.pop())
}
