//! `/letters/ID/document.pdf`: the document that a dead letter carries. For operators: customers are named in it.

use axum::extract::{Path, State};
use axum::response::Response;
use operate::letters::decoded;

use super::letter::{complete, found, is_whole};
use crate::PageError;
use crate::access::{Role, Viewer};
use crate::parts::Segment;
use crate::pdf;
use crate::server::App;

const NONE: &str = "This dead letter carries no document: it died before that was made. The page of its receipt \
                    makes it anew, where the receipt was heard.";

/// `GET /letters/ID/document.pdf`.
pub(super) async fn show(
    State(app): State<App>,
    viewer: Viewer,
    Path(Segment(id)): Path<Segment>,
) -> Result<Response, PageError> {
    viewer.may(Role::Operator)?;
    let mut found = found(&app, &id).await?;
    if !is_whole(&found)
        && let Some(problem) = complete(&app, &viewer, &mut found).await
    {
        return Err(PageError::Invalid(format!("The document is not whole in the index, and {problem}.")));
    }
    let pdf = decoded(&found.body).and_then(|decoded| decoded.pdf).ok_or(PageError::NotFound(NONE))?;
    Ok(pdf::answer(&pdf.file_name, pdf.content.0))
}
