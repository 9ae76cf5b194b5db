//! A page on this machine that shows a template's PDF, and renders it again when a file changes.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::sse::{Event, Sse};
use axum::response::{Html, IntoResponse, Json, Response};
use axum::routing::get;
use consumer_render::load_template_from;
use events::ReceiptSettled;
use futures_util::{Stream, StreamExt, stream};
use receipt_pdf::{Language, Rendered, Template};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::{SAMPLES, render, sample};
use crate::cli::PreviewArgs;
use crate::output::{Failed, say};
use crate::shutdown::shutdown_on_signal;

/// How often the files are looked at.
const POLL: Duration = Duration::from_millis(250);

/// The name of the author's own receipt, beside those of the samples.
const OWN: &str = "file";

/// What was read from the files last.
struct Loaded {
    /// Rises with each change.
    number: u64,
    /// A template is kept by the process for good: a saved file costs its size.
    template: Result<&'static Template, String>,
    /// `None` where no file is named.
    receipt: Option<Result<ReceiptSettled, String>>,
    files: Vec<(PathBuf, Option<(SystemTime, u64)>)>,
}

type Current = watch::Receiver<Arc<Loaded>>;

/// Serves until SIGTERM or SIGINT.
pub async fn serve(args: PreviewArgs) -> Result<(), Failed> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port))
        .await
        .map_err(|error| Failed::used_wrongly(&format!("--port {}", args.port), error))?;
    let address = listener.local_addr().map_err(|error| Failed::at("the preview cannot be served", error))?;
    let shutdown = shutdown_on_signal("stopping the preview")?;
    let (sender, current) = watch::channel(Arc::new(load(&args, 1)));
    let routes = Router::new()
        .route("/", get(async || Html(include_str!("preview.html"))))
        .route("/report", get(report))
        .route("/document.pdf", get(document))
        .route("/changes", get(changes))
        .layer(from_fn(only_this_machine))
        .with_state(current);
    say(format_args!("previewing {} at http://{address}/ (Ctrl-C stops)", args.template));
    let watching = shutdown.clone().run_until_cancelled_owned(watch_files(args, sender));
    let served = http_server::serve(listener, routes, Duration::from_secs(1), shutdown);
    let (served, _) = tokio::join!(served, watching);
    served.map_err(|error| Failed::at("the preview cannot be served", error))
}

/// Other pages in the same browser must not read it by a name that leads here.
async fn only_this_machine(headers: HeaderMap, request: Request, next: Next) -> Response {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    if !["127.0.0.1", "localhost"].contains(&name) {
        return (StatusCode::FORBIDDEN, "the preview is for this machine alone").into_response();
    }
    let mut response = next.run(request).await;
    response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    response
}

async fn watch_files(args: PreviewArgs, sender: watch::Sender<Arc<Loaded>>) {
    loop {
        tokio::time::sleep(POLL).await;
        let before = Arc::clone(&sender.borrow());
        if before.files.iter().any(|(file, state)| self::state(file) != *state) {
            sender.send_replace(Arc::new(load(&args, before.number + 1)));
        }
    }
}

fn load(args: &PreviewArgs, number: u64) -> Loaded {
    let receipt = args.receipt.as_deref().map(|file| {
        // Before it is read: a change while it is read is another change.
        let seen = (file.to_owned(), state(file));
        (super::super::read_receipt(file).map_err(|failed| failed.to_string()), seen)
    });
    let before = state(Path::new(&args.template));
    let (template, files) = load_template_from(&args.template);
    let with_state = |file: PathBuf| {
        let state = state(&file);
        (file, state)
    };
    let mut files: Vec<_> = files.into_iter().map(with_state).collect();
    if let Some(first) = files.first_mut() {
        first.1 = before;
    }
    let (receipt, seen) = receipt.unzip();
    files.extend(seen);
    Loaded { number, template: template.map_err(|error| Failed::plainly(error).to_string()), receipt, files }
}

/// What tells that a file has changed; `None` where there is none.
fn state(file: &Path) -> Option<(SystemTime, u64)> {
    let about = std::fs::metadata(file).ok()?;
    Some((about.modified().ok()?, about.len()))
}

/// What is asked for: a `receipt`, by default the author's own where there is one, and a `language`, by default
/// the template's own, else that of the receipt's country.
type Choice = HashMap<String, String>;

/// The document, or the mistakes on a line each.
async fn rendered(current: &Current, choice: Choice) -> Result<Rendered, String> {
    let loaded = Arc::clone(&current.borrow());
    let template = loaded.template.clone()?;
    let default = if loaded.receipt.is_some() { OWN } else { SAMPLES[0].0 };
    let receipt = match choice.get("receipt").map_or(default, String::as_str) {
        OWN => loaded.receipt.clone().ok_or("no receipt was named")??,
        name => sample(name).ok_or("there is no such receipt")?,
    };
    let language = match choice.get("language").filter(|code| !code.is_empty()) {
        None => None,
        Some(code) => {
            let language = Language::from_code(code).filter(|language| template.speaks(*language));
            Some(language.ok_or("the template is not in this language")?)
        }
    };
    let rendered = tokio::task::spawn_blocking(move || render(template, language, &receipt)).await;
    let rendered = rendered.map_err(|error| error.to_string())?;
    rendered.map_err(|error| Failed::plainly(error).to_string())
}

async fn document(State(current): State<Current>, Query(choice): Query<Choice>) -> Response {
    match rendered(&current, choice).await {
        Ok(rendered) => ([(header::CONTENT_TYPE, "application/pdf")], rendered.pdf).into_response(),
        Err(mistakes) => (StatusCode::UNPROCESSABLE_ENTITY, mistakes).into_response(),
    }
}

async fn report(State(current): State<Current>, Query(choice): Query<Choice>) -> Json<serde_json::Value> {
    let loaded = Arc::clone(&current.borrow());
    let receipts = loaded.receipt.iter().map(|_| OWN).chain(SAMPLES.iter().map(|(name, _)| *name));
    let speaks =
        |language: &Language| loaded.template.as_ref().is_ok_and(|template| template.speaks(*language));
    let languages = Language::ALL.into_iter().filter(speaks).map(Language::code);
    let (mistakes, warnings, pages, bytes) = match rendered(&current, choice).await {
        Ok(rendered) => {
            let warnings: Vec<_> = rendered.warnings.iter().map(ToString::to_string).collect();
            (Vec::new(), warnings, rendered.pages, rendered.pdf.len())
        }
        Err(mistakes) => (mistakes.lines().map(str::to_owned).collect(), Vec::new(), 0, 0),
    };
    Json(json!({
        "receipts": receipts.collect::<Vec<_>>(),
        "languages": languages.collect::<Vec<_>>(),
        "mistakes": mistakes,
        "warnings": warnings,
        "pages": pages,
        "bytes": bytes,
    }))
}

/// An event for each change, and one at the start.
async fn changes(State(current): State<Current>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let first = stream::iter([current.borrow().number]);
    let further = stream::unfold(current, async |mut current| {
        current.changed().await.ok()?;
        let number = current.borrow_and_update().number;
        Some((number, current))
    });
    Sse::new(first.chain(further).map(|number| Ok(Event::default().data(number.to_string()))))
}
