//! A console over a store of the test's own, and a browser without a screen.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use amqp::{Broker, Delay, Reason};
use console::{Access, AuthMode, Clock, Console, EInvoice, Role, TestLabel, UsersFile};
use en16931::Policy;
use events::{InvoiceReady, InvoiceRendered, ReceiptSettled, Target};
use operate::Stage;
use receipt_pdf::Template;
use reqwest::{Client, RequestBuilder, StatusCode};
use sync_store::SyncStore;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A store, and whatever consoles are opened over it.
pub struct World {
    pub store: Arc<dyn SyncStore>,
    broker: Broker,
    folder: TempDir,
    /// What its consoles say of where receipts go.
    pub test_label: Option<TestLabel>,
}

/// A console that is being served, for a person with a role.
pub struct Desk {
    pub base: String,
    client: Client,
    /// Of the session, where somebody has logged in.
    cookie: Option<String>,
    shutdown: CancellationToken,
    served: JoinHandle<()>,
}

/// An answer.
pub struct Seen {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

/// Nobody listens there: pages must come without a broker as well.
const NOBODY: &str = "amqp://guest:guest@127.0.0.1:1/%2f";

/// The stages, as far as pages know them.
pub fn stages() -> Vec<Stage> {
    const REJECTED: &[Reason] =
        &[Reason::new("omnium_rejected", "correct what Omnium's answer names, then redrive the dead letter")];
    vec![
        Stage::new("receipt", "Opens the records of receipts").reads::<ReceiptSettled>(),
        Stage::new("render", "Makes the PDF").reads::<InvoiceReady>(),
        Stage::new("upload", "Omnium: invoice, then file")
            .target(Target::new("omnium"))
            .reasons(REJECTED)
            .reads::<InvoiceRendered>(),
        Stage::new("dead", "Indexes dead letters"),
    ]
}

impl World {
    /// Without a broker.
    pub async fn new() -> Self {
        Self::at(NOBODY).await
    }

    /// With one.
    pub async fn at(broker: &str) -> Self {
        // Only the first of several tests can set it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = TempDir::new().expect("a folder");
        let url = format!("sqlite://{}", folder.path().join("console.db").display());
        let store = sync_store::connect(&url).await.expect("a store");
        Self { store, broker: Broker::parse(broker, "a test").expect("a URL"), folder, test_label: None }
    }

    /// A console for somebody with this role, where editing is allowed.
    pub async fn desk(&self, role: Role) -> Desk {
        self.desk_of(role, true).await
    }

    /// The same, where that may be switched off.
    pub async fn desk_of(&self, role: Role, allow_edit: bool) -> Desk {
        self.served(AuthMode::Anonymous(role), allow_edit).await
    }

    /// A console for somebody with this role, who has logged in.
    pub async fn logged_in(&self, role: Role) -> Desk {
        const PASSWORD: &str = "correct horse battery";
        let path = self.folder.path().join("users.toml");
        let hash = console::hash_password(PASSWORD).expect("hashed");
        let user = format!("[[user]]\nname = \"kari\"\nrole = \"{role}\"\npassword = \"{hash}\"\n");
        std::fs::write(&path, user).expect("written");
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("set");
        let users = Arc::new(UsersFile::open(path).expect("users"));
        let mut desk = self.served(AuthMode::Users(users), true).await;
        let form = desk.get("/login").await;
        desk.cookie = cookie(&form);
        let fields = [("name", "kari"), ("password", PASSWORD), ("csrf", &*csrf(&form.text))];
        let answer = desk.post_as("/login", &desk.base, &fields).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
        desk.cookie = cookie(&answer);
        desk
    }

    async fn served(&self, mode: AuthMode, allow_edit: bool) -> Desk {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let console = Console {
            store: Arc::clone(&self.store),
            broker: self.broker.clone(),
            management: None,
            stages: stages(),
            delays: vec!["1h".parse::<Delay>().expect("a delay")],
            access: Access { mode, public_url: None },
            clock: Clock::system(),
            allow_edit,
            render: Arc::new(|event| {
                let template = Template::builtin("a4").expect("it is built in");
                Ok(receipt_pdf::render(template, event)?.pdf)
            }),
            e_invoice: Arc::new(|event| match en16931::decide(Policy::WhenPossible, event, None) {
                Ok(None) => EInvoice::NotDue,
                Ok(Some(_)) => EInvoice::Contained,
                Err(missing) => EInvoice::Missing(missing.iter().map(ToString::to_string).collect()),
            }),
            test_label: self.test_label.clone(),
            package_timeout: Duration::from_secs(60),
        };
        let shutdown = CancellationToken::new();
        let stop = shutdown.clone();
        let served = tokio::spawn(async move {
            console::serve(listener, console, stop).await.expect("it is served");
        });
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        Desk { base, client, cookie: None, shutdown, served }
    }
}

impl Desk {
    /// Opens a page.
    pub async fn get(&self, path: &str) -> Seen {
        seen(self.known(self.client.get(format!("{}{path}", self.base)))).await
    }

    /// Opens a page that must be there.
    pub async fn page(&self, path: &str) -> String {
        let seen = self.get(path).await;
        assert_eq!(seen.status, StatusCode::OK, "{path}: {}", seen.text);
        seen.text
    }

    /// Sends a form as a page of the console does.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Seen {
        let token = self.token().await;
        let fields: Vec<_> = fields.iter().copied().chain([("csrf", token.as_str())]).collect();
        self.post_as(path, &self.base, &fields).await
    }

    /// Sends a form without its token, or as another site does.
    pub async fn post_as(&self, path: &str, origin: &str, fields: &[(&str, &str)]) -> Seen {
        let request = self.known(self.client.post(format!("{}{path}", self.base))).header("origin", origin);
        let body: Vec<_> =
            fields.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
        seen(request.header("content-type", "application/x-www-form-urlencoded").body(body.join("&"))).await
    }

    /// The token of this person's forms: of the one for logging out, or from a page that has one for
    /// every operator.
    pub async fn token(&self) -> String {
        let page = if self.cookie.is_some() { "/audit" } else { "/stages/render/pause" };
        csrf(&self.get(page).await.text)
    }

    fn known(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.cookie {
            Some(cookie) => request.header("cookie", cookie),
            None => request,
        }
    }

    /// Ends it orderly.
    pub async fn close(self) {
        self.shutdown.cancel();
        self.served.await.expect("it ends");
    }
}

fn csrf(page: &str) -> String {
    let rest = page.split("name=\"csrf\" value=\"").nth(1);
    rest.and_then(|rest| rest.split('"').next()).unwrap_or_default().to_owned()
}

fn cookie(seen: &Seen) -> Option<String> {
    let cookie = seen.headers.get("set-cookie")?.to_str().ok()?;
    cookie.split(';').next().map(str::to_owned)
}

async fn seen(request: RequestBuilder) -> Seen {
    let answer = request.send().await.expect("an answer");
    let (status, headers) = (answer.status(), answer.headers().clone());
    let text = String::from_utf8_lossy(&answer.bytes().await.expect("a body")).into_owned();
    Seen { status, headers, text }
}

/// A text as a parameter.
pub fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
