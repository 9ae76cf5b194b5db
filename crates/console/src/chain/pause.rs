//! Why stages take no messages, as far as this process can know.

use std::collections::HashMap;

use sync_store::StoreError;

use crate::server::App;

/// Why a stage takes no messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pause {
    /// In a sentence: since when, by whom or because of what.
    pub(crate) text: String,
}

/// The pauses by stage. Consumers tell of theirs in `/readyz` and in their logs; the store, which is all
/// that the console shares with them, holds none.
pub(super) async fn all(_app: &App) -> Result<HashMap<String, Pause>, StoreError> {
    Ok(HashMap::new())
}
