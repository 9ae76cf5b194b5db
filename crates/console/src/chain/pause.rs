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

/// The pauses by stage; and by stage why messages of some tenants wait while it goes on.
pub(super) async fn all(
    app: &App,
) -> Result<(HashMap<String, Pause>, HashMap<String, Vec<Told>>), StoreError> {
    let (mut pauses, mut tenants) = (HashMap::new(), HashMap::new());
    for now in operate::stages::stages(app.store.as_ref(), &app.stages).await? {
        if let Some(why) = now.why_paused() {
            let by_hand = now.hold.is_some();
            pauses.insert(now.stage.name.to_owned(), Pause { text: (&why).into(), by_hand });
        }
        let waiting = now.why_tenants_wait().iter().map(Told::from).collect();
        tenants.insert(now.stage.name.to_owned(), waiting);
    }
    Ok((pauses, tenants))
}
