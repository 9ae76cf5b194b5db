//! A console that is being served, with a clock that tests turn by hand.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex};

use amqp::{Broker, Delay, Management};
use chrono::{DateTime, TimeDelta, Utc};
use console::{Access, AuthMode, Clock, Console, PublicUrl, Role, UsersFile, hash_password};
use sync_store::SyncStore;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub const PASSWORD: &str = "correct horse battery";
pub const OUTSIDE: &str = "https://bilag.example";

static HASH: LazyLock<String> = LazyLock::new(|| hash_password(PASSWORD).expect("hashed"));

/// Nobody listens there.
const NO_BROKER: &str = "amqp://guest:guest@127.0.0.1:1/%2f";

pub struct Trial {
    pub url: String,
    pub store: Arc<dyn SyncStore>,
    pub folder: TempDir,
    now: Arc<Mutex<DateTime<Utc>>>,
    shutdown: CancellationToken,
    served: JoinHandle<()>,
}

/// How a console is to be.
pub struct Options {
    pub mode: AuthMode,
    pub public_url: Option<&'static str>,
    pub broker: String,
    pub management: Option<String>,
    pub stages: Vec<operate::Stage>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            mode: AuthMode::Anonymous(Role::Operator),
            public_url: None,
            broker: NO_BROKER.to_owned(),
            management: None,
            stages: stages(),
        }
    }
}

/// Two stages, one of them with a target.
pub fn stages() -> Vec<operate::Stage> {
    let stage = |name| operate::Stage::new(name, "does something");
    vec![
        stage("receipt"),
        stage("render"),
        stage("upload").target(events::Target::new("omnium")),
        stage("dead"),
    ]
}

impl Trial {
    pub async fn anonymous() -> Self {
        Self::with(Options::default()).await
    }

    /// With people in a file: kari the operator, ola the viewer.
    pub async fn with_users() -> Self {
        Self::of_users(None).await
    }

    /// The same, behind a proxy that speaks TLS.
    pub async fn by_https() -> Self {
        Self::of_users(Some(OUTSIDE)).await
    }

    async fn of_users(public_url: Option<&'static str>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("users.toml");
        write(&path, &users(&[("kari", "operator"), ("ola", "viewer")]));
        let mode = AuthMode::Users(Arc::new(UsersFile::open(path).expect("users")));
        Self::in_folder(folder, Options { mode, public_url, ..Options::default() }).await
    }

    pub async fn with(options: Options) -> Self {
        Self::in_folder(tempfile::tempdir().expect("a folder"), options).await
    }

    async fn in_folder(folder: TempDir, options: Options) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        Self::on(listener, folder, options).await
    }

    pub async fn on(listener: TcpListener, folder: TempDir, options: Options) -> Self {
        let database = format!("sqlite://{}", folder.path().join("bilag.db").display());
        let store = sync_store::connect(&database).await.expect("a store");
        let now = Arc::new(Mutex::new(Utc::now()));
        let clock = now.clone();
        let broker = Broker::parse(&options.broker, "test").expect("a URL");
        let delays: Vec<Delay> = ["5s", "1h"].map(|delay| delay.parse().expect("a delay")).to_vec();
        let console = Console {
            store: store.clone(),
            management: options.management.map(|url| Management::new(&url, &broker)),
            broker,
            stages: options.stages,
            delays,
            access: Access {
                mode: options.mode,
                public_url: options.public_url.map(|url| PublicUrl::parse(url).expect("an address")),
            },
            clock: Clock::of(move || *clock.lock().expect("whole")),
            allow_edit: false,
            render: Arc::new(|event| {
                let template = receipt_pdf::Template::builtin("a4").expect("it is built in");
                Ok(receipt_pdf::render(template, event)?.pdf)
            }),
            e_invoice: Arc::new(|_| console::EInvoice::NotDue),
            test_label: None,
            package_timeout: std::time::Duration::from_secs(60),
        };
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let shutdown = CancellationToken::new();
        let stop = shutdown.clone();
        let served = tokio::spawn(async move {
            console::serve(listener, console, stop).await.expect("served");
        });
        Self { url, store, folder, now, shutdown, served }
    }

    /// Time goes by.
    pub fn wait(&self, time: TimeDelta) {
        *self.now.lock().expect("whole") += time;
    }

    /// The users file has other people in it now.
    pub fn set_users(&self, people: &[(&str, &str)]) {
        write(&self.users_path(), &users(people));
    }

    pub fn users_path(&self) -> PathBuf {
        self.folder.path().join("users.toml")
    }

    /// Tells it to end, waits until it has, and gives the folder back: the store in it goes on.
    pub async fn stop(self) -> TempDir {
        self.shutdown.cancel();
        self.served.await.expect("it ended orderly");
        self.folder
    }
}

/// The text of a users file.
pub fn users(people: &[(&str, &str)]) -> String {
    let user = |(name, role): &(&str, &str)| {
        format!("[[user]]\nname = '{name}'\nrole = \"{role}\"\npassword = \"{}\"\n", *HASH)
    };
    people.iter().map(user).collect()
}

/// As one who is careful does it: whole or not at all.
pub fn write(path: &std::path::Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).expect("written");
    fs::set_permissions(&new, fs::Permissions::from_mode(0o640)).expect("set");
    fs::rename(&new, path).expect("moved");
}
