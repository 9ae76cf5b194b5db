//! `/receipts/TENANT/UID/document.pdf`: the document, made anew from the kept receipt. For operators:
//! customers are named in it.

use axum::extract::{Path, State};
use axum::response::Response;
use events::ReceiptSettled;
use sync_store::Key;
use tokio::task::spawn_blocking;

use crate::PageError;
use crate::access::{Role, Viewer};
use crate::parts::Segment;
use crate::pdf;
use crate::server::App;

const NONE: &str =
    "Only broken events of this receipt were heard, or it was never heard: there is nothing to print.";

const PRUNED: &str = "The receipt's personal data was removed: there is nothing to print any more.";

/// `GET /receipts/TENANT/UID/document.pdf`.
pub(super) async fn show(
    State(app): State<App>,
    viewer: Viewer,
    Path((Segment(tenant), Segment(uid))): Path<(Segment, Segment)>,
) -> Result<Response, PageError> {
    viewer.may(Role::Operator)?;
    let key = Key::new(tenant, uid);
    let kept = app.store.receipt(&key).await?.ok_or(PageError::NotFound(NONE))?;
    if app.store.pruned_at(&key).await?.is_some() {
        return Err(PageError::NotFound(PRUNED));
    }
    let event: ReceiptSettled = events::decode(&kept.body)
        .map_err(|error| PageError::Invalid(format!("The kept receipt cannot be read: {error}.")))?;
    let file_name = event.order_receipt.file_name();
    let look = (app.look)(&event.tenant.uid);
    // Rendering computes; it must not hold up other pages.
    let rendered = spawn_blocking(move || look.render(&event)).await;
    match rendered {
        Ok(Ok(rendered)) => Ok(pdf::answer(&file_name, rendered.pdf)),
        Ok(Err(error)) => {
            Err(PageError::Invalid(format!("The document cannot be made: {}.", amqp::chain(&error))))
        }
        Err(_) => {
            Err(PageError::Invalid("The document cannot be made: a defect of the renderer.".to_owned()))
        }
    }
}
