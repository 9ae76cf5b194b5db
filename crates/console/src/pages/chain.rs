//! The first page: the chain as a picture, with its numbers.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use maud::{Markup, html};

use crate::layout::{Section, page};
use crate::server::App;
use crate::{PageError, Viewer};

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/", get(show))
}

async fn show(State(app): State<App>, viewer: Viewer) -> Result<Markup, PageError> {
    let counts = app.store.dead_counts().await?;
    let content = html! {
        section #stages data-refresh="5" {
            table {
                thead { tr { th scope="col" { "Stage" } th.number scope="col" { "Dead" } } }
                tbody {
                    @for stage in &app.stages {
                        @let dead: u64 = counts.iter().filter(|count| count.stage == stage.name).map(|count| count.count).sum();
                        tr { th scope="row" { (stage.name) } td.number data-label="Dead" { (dead) } }
                    }
                }
            }
        }
    };
    Ok(page(&viewer, "Chain", Section::Chain, content))
}
