//! A real browser, without a window: Chromium, driven through ChromeDriver.

mod command;
mod driver;

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use fantoccini::elements::Element;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

use crate::{TIMEOUT, eventually_within};
use command::Command;
use driver::Driver;

/// A browser of the test's own; it ends with the test.
pub struct Browser {
    /// For what has no method here.
    pub page: Client,
    driver: Driver,
}

impl Browser {
    /// As wide as a screen on a desk, with a mouse.
    pub async fn wide() -> Self {
        let screen =
            json!({ "width": 1280, "height": 900, "pixelRatio": 1.0, "mobile": false, "touch": false });
        Self::start(&screen, &[]).await
    }

    /// As wide as a telephone, which is set to dark.
    pub async fn narrow_and_dark() -> Self {
        let screen = json!({ "width": 390, "height": 844, "pixelRatio": 1.0 });
        Self::start(&screen, &["--blink-settings=preferredColorScheme=0"]).await
    }

    async fn start(screen: &Value, more: &[&str]) -> Self {
        let driver = Driver::start(TIMEOUT).await;
        let profile = format!("--user-data-dir={}", driver.profile().display());
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
        let arguments: Vec<_> = arguments.iter().chain(more).collect();
        let options = json!({
            "args": arguments,
            // A window has a least width; what is emulated has none.
            "mobileEmulation": { "deviceMetrics": screen },
            "prefs": { "download.default_directory": driver.downloads() },
        });
        let Value::Object(capabilities) =
            json!({ "goog:chromeOptions": options, "goog:loggingPrefs": { "browser": "ALL" } })
        else {
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
        eventually_within(TIMEOUT, &format!("{selector} is on the page"), async || {
            self.page.find(Locator::Css(selector)).await.ok()
        })
        .await
    }

    /// Whether a CSS selector finds anything now.
    pub async fn has(&self, selector: &str) -> bool {
        self.page.find(Locator::Css(selector)).await.is_ok()
    }

    /// Presses the button or follows the link that reads so, once it is there.
    pub async fn press(&self, text: &str) {
        let path = format!("//*[self::a or self::button or self::summary][normalize-space()='{text}']");
        eventually_within(TIMEOUT, &format!("there is {text:?} to be pressed"), async || {
            self.press_element(self.page.find(Locator::XPath(&path)).await.ok()?).await
        })
        .await;
    }

    /// Presses what a CSS selector finds, once it is there.
    pub async fn click(&self, selector: &str) {
        eventually_within(TIMEOUT, &format!("there is {selector} to be pressed"), async || {
            self.press_element(self.page.find(Locator::Css(selector)).await.ok()?).await
        })
        .await;
    }

    /// Brings it to the middle first, as people do: bars at the edges lie over what is there.
    async fn press_element(&self, element: Element) -> Option<()> {
        let script = "arguments[0].scrollIntoView({ block: 'center' })";
        let arguments = vec![serde_json::to_value(&element).expect("an element has its id")];
        self.page.execute(script, arguments).await.ok()?;
        element.click().await.ok()
    }

    /// Writes into the field of this name, instead of what stood there.
    pub async fn fill(&self, field: &str, text: &str) {
        let selector = format!("[name='{field}']:not([type=hidden])");
        // A page that is being left or renewed may take nothing any more.
        eventually_within(TIMEOUT, &format!("{selector} can be written in"), async || {
            let field = self.page.find(Locator::Css(&selector)).await.ok()?;
            field.clear().await.ok()?;
            field.send_keys(text).await.ok()
        })
        .await;
    }

    /// What stands in the field of this name.
    pub async fn value(&self, field: &str) -> String {
        let field = self.find(&format!("[name='{field}']:not([type=hidden])")).await;
        field.prop("value").await.expect("a field has a value").unwrap_or_default()
    }

    /// Presses keys, wherever the focus is.
    pub async fn keys(&self, keys: &str) {
        let focused = self.page.active_element().await.expect("something has the focus");
        focused.send_keys(keys).await.expect("keys are taken");
    }

    /// What has the focus: the text of a link or a button, the name of a field.
    pub async fn focus(&self) -> String {
        let script =
            "const e = document.activeElement; return e.matches('a, button') ? e.innerText.trim() : e.name";
        self.run(script).await.as_str().unwrap_or_default().to_owned()
    }

    /// Presses a key again and again until something has the focus, as a person who looks does.
    pub async fn keys_until(&self, key: &str, focus: &str) {
        for _ in 0..100 {
            self.keys(key).await;
            if self.focus().await == focus {
                return;
            }
        }
        panic!("{focus:?} is not reached: {:?} has the focus", self.focus().await);
    }

    /// Runs a script in the page, and gives what it returns.
    pub async fn run(&self, script: &str) -> Value {
        self.page.execute(script, Vec::new()).await.expect("the script runs")
    }

    /// Waits until the page shows this text.
    pub async fn shows(&self, text: &str) {
        let mut last = String::new();
        let shown = tokio::time::timeout(TIMEOUT, async {
            while !last.contains(text) {
                tokio::time::sleep(Duration::from_millis(50)).await;
                last = self.text().await;
            }
        });
        assert!(shown.await.is_ok(), "the page does not show {text:?}, but:\n{last}");
    }

    /// Waits until the page shows this text no longer.
    pub async fn gone(&self, text: &str) {
        eventually_within(TIMEOUT, &format!("the page shows {text:?} no longer"), async || {
            let shown = self.text().await;
            (!shown.is_empty() && !shown.contains(text)).then_some(())
        })
        .await;
    }

    /// Waits until the page of this path is open.
    pub async fn is_at(&self, path: &str) {
        eventually_within(TIMEOUT, &format!("the page is at {path}"), async || {
            let url = self.page.current_url().await.ok()?;
            (&url.as_str()[url.origin().ascii_serialization().len()..] == path).then_some(())
        })
        .await;
    }

    /// All that the page shows, on one line. Empty while one page follows another.
    pub async fn text(&self) -> String {
        let text = match self.page.find(Locator::Css("body")).await {
            Ok(body) => body.text().await.unwrap_or_default(),
            Err(_) => String::new(),
        };
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// What the browser told its developers since it was last asked: errors, and what the pages' policy
    /// forbade.
    pub async fn complaints(&self) -> Vec<String> {
        let said = self.page.issue_cmd(Command::browser_log()).await.expect("the browser has a log");
        let said = said.as_array().expect("a list").iter();
        said.map(|entry| entry["message"].as_str().expect("a message").to_owned()).collect()
    }

    /// The file of this name, once it was downloaded.
    pub async fn downloaded(&self, name: &str) -> String {
        let path = self.driver.downloads().join(name);
        eventually_within(TIMEOUT, &format!("{name} is downloaded"), async || {
            std::fs::read_to_string(&path).ok()
        })
        .await
    }

    /// The whole page as a picture, in `screenshots/NAME.png` beside the tests' binaries, for people.
    pub async fn picture(&self, name: &str) {
        // A bar that stays in sight would lie over the middle of it.
        let bars =
            "document.querySelectorAll('.sticky').forEach(bar => { bar.style.position = arguments[0] })";
        self.page.execute(bars, vec![json!("static")]).await.expect("the script runs");
        let height = self.run("return document.documentElement.scrollHeight").await;
        let width = self.run("return window.innerWidth").await;
        let taken = self.page.issue_cmd(Command::screenshot(&width, &height)).await.expect("a picture");
        self.page.execute(bars, vec![json!("")]).await.expect("the script runs");
        let taken = taken["data"].as_str().expect("a picture");
        let picture = BASE64_STANDARD.decode(taken).expect("base64");
        let folder = pictures();
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join(format!("{name}.png")), picture).expect("the picture is written");
    }

    /// Ends it. Where a test fails before, the browser ends with its driver.
    pub async fn close(self) {
        self.page.close().await.expect("the browser ends");
        drop(self.driver);
    }
}

fn pictures() -> PathBuf {
    let mut folder = std::env::current_exe().expect("this binary has a path");
    folder.pop();
    folder.parent().expect("a target folder").join("screenshots")
}
