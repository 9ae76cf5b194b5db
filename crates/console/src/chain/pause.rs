//! Why stages take no messages: as their processes say, and as somebody has paused them by hand.

use std::collections::HashMap;

use sync_store::StoreError;

use crate::mask::Told;
use crate::server::App;

/// Why a stage takes no messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pause {
    /// In a sentence: since when, by whom or because of what.
    pub(crate) text: Told,
    /// Whether somebody has paused it, who can let it go on.
    pub(crate) by_hand: bool,
}

/// The pauses by stage.
pub(super) async fn all(app: &App) -> Result<HashMap<String, Pause>, StoreError> {
    let stages = operate::stages::stages(app.store.as_ref(), &app.stages).await?;
    let paused = stages.into_iter().filter_map(|now| {
        let by_hand = now.hold.is_some();
        Some((now.stage.name.to_owned(), Pause { text: (&now.why_paused()?).into(), by_hand }))
    });
    Ok(paused.collect())
}
