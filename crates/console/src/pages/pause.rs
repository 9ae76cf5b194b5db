//! `/stages/NAME/pause` and `/stages/NAME/resume`: pausing a stage by hand.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Redirect;
use axum::routing::{get, post};
use maud::{Markup, html};
use operate::dead_letters::DeadLetterService;
use operate::{Stage, stages};
use sync_store::{Holding, StageHold};

use crate::auth::user::Role;
use crate::auth::viewer::{CsrfForm, Viewer};
use crate::clock::Clock;
use crate::components::{Params, ago, untrusted};
use crate::error::PageError;
use crate::layout::{Section, csrf_field, page};
use crate::state::AppState;

pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/stages/{name}/pause", get(ask).post(pause))
        .route("/stages/{name}/resume", post(resume))
}

const UNKNOWN: &str = "The chain has no stage of this name.";

/// Characters of a reason.
const MAX_REASON: usize = 500;

fn find<'a>(service: &'a DeadLetterService, name: &str) -> Result<&'a Stage, PageError> {
    service.stages.iter().find(|stage| stage.name == name).ok_or(PageError::NotFound(UNKNOWN))
}

async fn hold(service: &DeadLetterService, stage: &str) -> Result<Option<StageHold>, PageError> {
    Ok(service.store.holds().await?.into_iter().find(|hold| hold.stage == stage))
}

/// Explains a pause and asks for the reason, or shows who has paused the stage.
async fn ask(
    State(service): State<Arc<DeadLetterService>>,
    State(clock): State<Clock>,
    viewer: Viewer,
    Path(name): Path<String>,
) -> Result<Markup, PageError> {
    viewer.may(Role::Operator)?;
    let stage = find(&service, &name)?;
    let content = match hold(&service, stage.name).await? {
        Some(hold) => html! {
            p.notice.warn {
                strong { (untrusted(&hold.who)) } " paused it " (ago(clock.now(), hold.since))
                @if !hold.why.is_empty() { ": " (untrusted(&hold.why)) } "."
            }
            p { "Messages wait in " code { "bilag." (stage.name) } "." }
            form.actions method="post" action={ "/stages/" (stage.name) "/resume" } {
                (csrf_field(&viewer))
                button { "Resume" }
                a.button.quiet href="/" { "Back to the chain" }
            }
        },
        None => html! {
            p { strong { (stage.name) } ": " (stage.about) "." }
            ul.muted {
                li { "Within seconds, all processes of the stage stop consuming and finish what they have in flight. The pause survives restarts." }
                li { "Messages wait in " code { "bilag." (stage.name) } ". The other stages continue." }
            }
            form.stack method="post" {
                (csrf_field(&viewer))
                div.narrow {
                    label for="why" { "Reason, and until when" }
                    input #why name="why" maxlength=(MAX_REASON) placeholder="Omnium is being repaired, until 06:00" autocomplete="off";
                }
                div.actions {
                    button { "Pause " (stage.name) }
                    a.button.quiet href="/" { "Cancel" }
                }
            }
        },
    };
    let title = format!("Stage {}", stage.name);
    Ok(page(&viewer, &title, Section::Chain, content))
}

async fn pause(
    State(service): State<Arc<DeadLetterService>>,
    viewer: Viewer,
    Path(name): Path<String>,
    CsrfForm(fields): CsrfForm<Vec<(String, String)>>,
) -> Result<Redirect, PageError> {
    viewer.may(Role::Operator)?;
    let stage = find(&service, &name)?.name;
    let why: String = Params::of(&fields).get("why").unwrap_or_default().chars().take(MAX_REASON).collect();
    match stages::pause(service.store.as_ref(), stage, viewer.name(), &why).await? {
        Holding::Begun(_) => Ok(Redirect::to("/")),
        Holding::Standing(hold) => {
            let problem = format!("{stage} is already paused by {}.", hold.who);
            Err(PageError::Invalid(problem))
        }
    }
}

async fn resume(
    State(service): State<Arc<DeadLetterService>>,
    viewer: Viewer,
    Path(name): Path<String>,
    CsrfForm(_): CsrfForm<Vec<(String, String)>>,
) -> Result<Redirect, PageError> {
    viewer.may(Role::Operator)?;
    let stage = find(&service, &name)?.name;
    match stages::resume(service.store.as_ref(), stage, viewer.name()).await? {
        Some(_) => Ok(Redirect::to("/")),
        None => {
            Err(PageError::Invalid(format!("{stage} is not paused by an operator: somebody has resumed it.")))
        }
    }
}
