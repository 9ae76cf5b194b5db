//! `/stages/NAME/pause` and `/stages/NAME/resume`: holding a stage up by hand, and letting it go on.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Redirect;
use axum::routing::{get, post};
use maud::{Markup, html};
use operate::{Stage, stages};
use sync_store::{Holding, StageHold};

use crate::PageError;
use crate::access::{Checked, Role, Viewer};
use crate::layout::{Section, csrf_field, page};
use crate::parts::{Params, ago, foreign};
use crate::server::App;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/stages/{name}/pause", get(ask).post(pause))
        .route("/stages/{name}/resume", post(resume))
}

const UNKNOWN: &str = "The chain has no stage of this name. Its page shows all of them.";

/// The longest reason in characters.
const WHY: usize = 500;

fn stage<'a>(app: &'a App, name: &str) -> Result<&'a Stage, PageError> {
    app.stages.iter().find(|stage| stage.name == name).ok_or(PageError::NotFound(UNKNOWN))
}

async fn hold(app: &App, stage: &str) -> Result<Option<StageHold>, PageError> {
    Ok(app.store.holds().await?.into_iter().find(|hold| hold.stage == stage))
}

/// Says what a pause does, and asks why; or who has paused it.
async fn ask(State(app): State<App>, viewer: Viewer, Path(name): Path<String>) -> Result<Markup, PageError> {
    viewer.may(Role::Operator)?;
    let stage = stage(&app, &name)?;
    let content = match hold(&app, stage.name).await? {
        Some(hold) => html! {
            p.notice.warn {
                strong { (foreign(&hold.who)) } " paused it " (ago(app.clock.now(), hold.since))
                @if !hold.why.is_empty() { ": " (foreign(&hold.why)) } "."
            }
            p { "What waits goes on waiting in " code { "bilag." (stage.name) } "." }
            form.actions method="post" action={ "/stages/" (stage.name) "/resume" } {
                (csrf_field(&viewer))
                button { "Let it go on" }
                a.button.quiet href="/" { "Back to the chain" }
            }
        },
        None => html! {
            p { strong { (stage.name) } ": " (stage.about) "." }
            ul.muted {
                li { "Every process of the stage, on every machine, finishes what it has in flight and takes nothing more within seconds. That stays so when it is started again." }
                li { "What waits goes on waiting in " code { "bilag." (stage.name) } ". The other stages go on." }
            }
            form.stack method="post" {
                (csrf_field(&viewer))
                div.narrow {
                    label for="why" { "Why, and until when" }
                    input #why name="why" maxlength=(WHY) placeholder="Omnium is being repaired, until 06:00" autocomplete="off";
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
    State(app): State<App>,
    viewer: Viewer,
    Path(name): Path<String>,
    Checked(fields): Checked<Vec<(String, String)>>,
) -> Result<Redirect, PageError> {
    viewer.may(Role::Operator)?;
    let stage = stage(&app, &name)?.name;
    let why: String = Params::of(&fields).get("why").unwrap_or_default().chars().take(WHY).collect();
    match stages::pause(app.store.as_ref(), stage, viewer.name(), &why).await? {
        Holding::Begun(_) => Ok(Redirect::to("/")),
        Holding::Standing(hold) => {
            let problem = format!("{} has paused {stage} already, and that pause stands.", hold.who);
            Err(PageError::Invalid(problem))
        }
    }
}

async fn resume(
    State(app): State<App>,
    viewer: Viewer,
    Path(name): Path<String>,
    Checked(_): Checked<Vec<(String, String)>>,
) -> Result<Redirect, PageError> {
    viewer.may(Role::Operator)?;
    let stage = stage(&app, &name)?.name;
    match stages::resume(app.store.as_ref(), stage, viewer.name()).await? {
        Some(_) => Ok(Redirect::to("/")),
        None => Err(PageError::Invalid(format!(
            "{stage} was not paused by hand any more: somebody let it go on."
        ))),
    }
}
