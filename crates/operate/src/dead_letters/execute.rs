//! An action on selected dead letters, stage by stage.

use std::collections::{BTreeMap, HashSet};

use sync_store::{DeadCause, DeadLetterFilter, Place};

use super::action::{Action, MoveRequest, Moved, Progress, Selection};
use super::error::DeadLetterError;
use super::lease::Lease;
use super::mover::BatchMover;
use super::service::DeadLetterService;
use crate::stages::WhyPaused;

impl DeadLetterService {
    /// Moves the selected dead letters, stage by stage, each put in its new place before it is taken from the
    /// old one. Until it has moved, a dead letter is where it was, whatever the error.
    ///
    /// # Errors
    /// Nothing was moved if a dead letter is unknown or elsewhere, or if another operator holds the first
    /// stage. Stops if redriven dead letters fail again or are not consumed, on cancellation, and if store or
    /// broker are lost; the error says how far it came.
    pub async fn execute(
        &self,
        request: &MoveRequest<'_>,
        selection: &Selection,
    ) -> Result<Vec<Moved>, DeadLetterError> {
        let selected = self.by_stage(selection, request.action.place()).await?;
        let paused = self.paused_by_hand(request, selected.keys()).await?;
        let mut all = Vec::new();
        for (stage, ids) in selected {
            let lease = Lease::take(self.store.as_ref(), &stage, request.who).await?;
            let is_paused = paused.contains(&stage);
            let mover = BatchMover { service: self, request, stage: &stage, is_paused, lease: &lease };
            let moved = mover.run(ids).await;
            lease.give_back().await;
            all.push(moved?);
        }
        Ok(all)
    }

    /// Ids of the selected dead letters by stage.
    async fn by_stage(
        &self,
        selection: &Selection,
        place: Place,
    ) -> Result<BTreeMap<String, HashSet<String>>, DeadLetterError> {
        let filter = match selection {
            Selection::Ids(ids) => {
                self.check_place(ids, place).await?;
                DeadLetterFilter { ids: Some(ids.clone()), ..Default::default() }
            }
            Selection::Filter(filter) => filter.clone(),
            Selection::Group(id, filter) => {
                let Some(found) = self.group(id, place).await? else {
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
        for letter in self.store.dead_letter_ids(&DeadLetterFilter { place, ..filter }).await? {
            stages.entry(letter.stage).or_default().insert(letter.id);
        }
        Ok(stages)
    }

    /// All or nothing: of ids given one by one, none may be missed.
    async fn check_place(&self, ids: &[String], place: Place) -> Result<(), DeadLetterError> {
        for id in ids {
            let Some(found) = self.store.dead_letter(id).await? else {
                return Err(DeadLetterError::Unknown { id: id.clone(), store: self.store.describe() });
            };
            if found.noted.place != place {
                return Err(DeadLetterError::Elsewhere {
                    id: id.clone(),
                    is: found.noted.place,
                    should: place,
                });
            }
        }
        Ok(())
    }

    /// Which of these stages are paused by an operator. Reports why others may wait: a stage that has paused by
    /// itself probes with the first dead letter.
    async fn paused_by_hand(
        &self,
        request: &MoveRequest<'_>,
        stages: impl Iterator<Item = &String>,
    ) -> Result<HashSet<String>, DeadLetterError> {
        let mut paused = HashSet::new();
        if request.action != Action::Redrive {
            return Ok(paused);
        }
        let all = crate::stages::status(self.store.as_ref(), &self.stages).await?;
        for stage in stages {
            let Some(now) = all.iter().find(|now| now.stage.name == stage) else { continue };
            match now.why_paused() {
                Some(why) if now.hold.is_some() && !request.into_paused => {
                    return Err(DeadLetterError::Paused { stage: stage.clone(), why: why.to_string() });
                }
                Some(why) => (request.progress)(&Progress::Waits { stage, why: &why }),
                None if now.running.is_empty() => {
                    let why = WhyPaused { text: "no live consumers".to_owned(), error: None };
                    (request.progress)(&Progress::Waits { stage, why: &why });
                }
                None => {}
            }
            if now.hold.is_some() {
                paused.insert(stage.clone());
            }
        }
        Ok(paused)
    }
}
