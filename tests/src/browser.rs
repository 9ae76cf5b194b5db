//! A real browser, without a window: Chromium, driven through ChromeDriver.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fantoccini::elements::Element;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::eventually_within;

/// A browser of the test's own; it ends with the test.
pub struct Browser {
    /// For what has no method here.
    pub page: Client,
    driver: Driver,
}

/// How long a page may take: several browsers share two processors with everything else.
const PATIENCE: Duration = Duration::from_secs(30);

impl Browser {
    /// As wide as a screen on a desk.
    pub async fn wide() -> Self {
        Self::start(1280, 900, &[]).await
    }

    /// As wide as a telephone, which is set to dark.
    pub async fn narrow_and_dark() -> Self {
        Self::start(390, 844, &["--blink-settings=preferredColorScheme=0"]).await
    }

    async fn start(width: u32, height: u32, more: &[&str]) -> Self {
        let driver = Driver::start().await;
        let profile = driver.folder.path().join("profile");
        let profile = format!("--user-data-dir={}", profile.display());
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            &profile,
        ];
        // A window has a least width; what is emulated has none.
        let emulated = json!({ "deviceMetrics": { "width": width, "height": height, "pixelRatio": 1.0 } });
        let arguments: Vec<_> = arguments.iter().chain(more).collect();
        let options = json!({ "args": arguments, "mobileEmulation": emulated });
        let Value::Object(capabilities) = json!({ "goog:chromeOptions": options }) else {
            unreachable!("it is written as an object")
        };
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let page = builder.capabilities(capabilities).connect(&driver.url).await.expect("a browser");
        Self { page, driver }
    }

    /// Opens an address.
    pub async fn open(&self, url: &str) {
        self.page.goto(url).await.expect("the page opens");
    }

    /// The element that a CSS selector finds, once it is there.
    pub async fn find(&self, selector: &str) -> Element {
        eventually_within(PATIENCE, &format!("{selector} is on the page"), async || {
            self.page.find(Locator::Css(selector)).await.ok()
        })
        .await
    }

    /// Presses the button or follows the link that reads so, once it is there.
    pub async fn press(&self, text: &str) {
        let path = format!("//*[self::a or self::button or self::summary][normalize-space()='{text}']");
        eventually_within(PATIENCE, &format!("there is {text:?} to be pressed"), async || {
            self.page.find(Locator::XPath(&path)).await.ok()?.click().await.ok()
        })
        .await;
    }

    /// Writes into the field of this name, instead of what stood there.
    pub async fn fill(&self, field: &str, text: &str) {
        let field = self.find(&format!("[name='{field}']")).await;
        field.clear().await.expect("the field can be emptied");
        field.send_keys(text).await.expect("the field can be written in");
    }

    /// Presses keys, wherever the focus is.
    pub async fn keys(&self, keys: &str) {
        let focused = self.page.active_element().await.expect("something has the focus");
        focused.send_keys(keys).await.expect("keys are taken");
    }

    /// Waits until the page shows this text.
    pub async fn shows(&self, text: &str) {
        eventually_within(PATIENCE, &format!("the page shows {text:?}"), async || {
            self.text().await.contains(text).then_some(())
        })
        .await;
    }

    /// All that the page shows. Empty while one page follows another.
    pub async fn text(&self) -> String {
        match self.page.find(Locator::Css("body")).await {
            Ok(body) => body.text().await.unwrap_or_default(),
            Err(_) => String::new(),
        }
    }

    /// The page as a picture, beside the tests' binaries in `screenshots/NAME.png`, for people.
    pub async fn picture(&self, name: &str) {
        let picture = self.page.screenshot().await.expect("a picture");
        let mut folder = std::env::current_exe().expect("this binary has a path");
        folder.pop();
        let folder = folder.parent().expect("a target folder").join("screenshots");
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join(format!("{name}.png")), picture).expect("the picture is written");
    }

    /// Ends it. Where a test fails before, the browser ends with its driver.
    pub async fn close(self) {
        self.page.close().await.expect("the browser ends");
        drop(self.driver);
    }
}

/// ChromeDriver, on a port of its own choice, in a group of processes of its own.
struct Driver {
    child: Child,
    url: String,
    folder: TempDir,
}

impl Driver {
    async fn start() -> Self {
        use std::os::unix::process::CommandExt;

        let folder = TempDir::new().expect("a folder");
        let log: PathBuf = folder.path().join("driver.log");
        let output = std::fs::File::create(&log).expect("a log file");
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").stdin(Stdio::null()).stdout(output).stderr(Stdio::null()).process_group(0);
        let child = command.spawn().expect("chromedriver is installed: run the tests with `make test`");
        let port = eventually_within(PATIENCE, "ChromeDriver tells its port", async || {
            let log = std::fs::read_to_string(&log).ok()?;
            let (_, port) = log.split_once("started successfully on port ")?;
            port.split_once('.').map(|(port, _)| port.to_owned())
        })
        .await;
        Self { child, url: format!("http://127.0.0.1:{port}"), folder }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let group = format!("-{}", self.child.id());
        // Its browsers are in its group. What has ended already cannot be ended, and need not be.
        let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
        let _ = self.child.wait();
    }
}
