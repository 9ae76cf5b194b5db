//! A real headless browser: Chromium, driven through ChromeDriver.

mod command;
mod driver;

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::elements::Element;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

use crate::{TIMEOUT, eventually_within};
use command::Command;
use driver::Driver;

/// A browser for one test; it ends with the test.
pub struct Browser {
    /// The WebDriver client, for everything without a method here.
    pub page: Client,
    driver: Driver,
}

impl Browser {
    /// A desktop screen, with a mouse.
    pub async fn wide() -> Self {
        let screen =
            json!({ "width": 1280, "height": 900, "pixelRatio": 1.0, "mobile": false, "touch": false });
        Self::start(&screen, &[]).await
    }

    /// A phone screen in dark mode.
    pub async fn phone_dark() -> Self {
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
            // A window has a minimum width; an emulated screen has none.
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

    /// Waits for the element of a CSS selector.
    pub async fn find(&self, selector: &str) -> Element {
        eventually_within(TIMEOUT, &format!("{selector} is on the page"), async || {
            self.page.find(Locator::Css(selector)).await.ok()
        })
        .await
    }

    /// Whether a CSS selector matches now.
    pub async fn has(&self, selector: &str) -> bool {
        self.page.find(Locator::Css(selector)).await.is_ok()
    }

    /// Waits for the button or link with this text, and clicks it.
    pub async fn click_text(&self, text: &str) {
        let path = format!("//*[self::a or self::button or self::summary][normalize-space()='{text}']");
        eventually_within(TIMEOUT, &format!("there is {text:?} to click"), async || {
            self.press_element(self.page.find(Locator::XPath(&path)).await.ok()?).await
        })
        .await;
    }

    /// Waits for the element of a CSS selector, and clicks it.
    pub async fn click(&self, selector: &str) {
        eventually_within(TIMEOUT, &format!("there is {selector} to click"), async || {
            self.press_element(self.page.find(Locator::Css(selector)).await.ok()?).await
        })
        .await;
    }

    /// Scrolls it to the middle first: sticky bars at the edges would cover it.
    async fn press_element(&self, element: Element) -> Option<()> {
        let script = "arguments[0].scrollIntoView({ block: 'center' })";
        let arguments = vec![serde_json::to_value(&element).expect("an element has its id")];
        self.page.execute(script, arguments).await.ok()?;
        element.click().await.ok()
    }

    /// Replaces the text of the field with this name.
    pub async fn fill(&self, field: &str, text: &str) {
        let selector = format!("[name='{field}']:not([type=hidden])");
        // A page that is being reloaded may reject input.
        eventually_within(TIMEOUT, &format!("{selector} accepts input"), async || {
            let field = self.page.find(Locator::Css(&selector)).await.ok()?;
            field.clear().await.ok()?;
            field.send_keys(text).await.ok()
        })
        .await;
    }

    /// The text of the field with this name.
    pub async fn value(&self, field: &str) -> String {
        let field = self.find(&format!("[name='{field}']:not([type=hidden])")).await;
        field.prop("value").await.expect("a field has a value").unwrap_or_default()
    }

    /// Presses and releases keys, one after the other, once the page has loaded and its script listens. They
    /// go to whatever has the focus: an element found beforehand may be replaced by a page that renews itself.
    pub async fn keys(&self, keys: &str) {
        eventually_within(TIMEOUT, "the page has loaded", async || {
            let state = self.page.execute("return document.readyState", Vec::new()).await.ok()?;
            (state == "complete").then_some(())
        })
        .await;
        let pressed = keys.chars().fold(KeyActions::new("keyboard".to_owned()), |pressed, value| {
            pressed.then(KeyAction::Down { value }).then(KeyAction::Up { value })
        });
        self.page.perform_actions(pressed).await.expect("keys are taken");
    }

    /// The focused element: the text of a link or button, the name of a field.
    pub async fn focus(&self) -> String {
        let script =
            "const e = document.activeElement; return e.matches('a, button') ? e.innerText.trim() : e.name";
        self.run(script).await.as_str().unwrap_or_default().to_owned()
    }

    /// Presses a key until the given element has the focus.
    pub async fn press_until_focused(&self, key: &str, focus: &str) {
        for _ in 0..100 {
            self.keys(key).await;
            if self.focus().await == focus {
                return;
            }
        }
        panic!("{focus:?} is not reached: {:?} has the focus", self.focus().await);
    }

    /// Runs a script in the page and returns its result.
    pub async fn run(&self, script: &str) -> Value {
        self.page.execute(script, Vec::new()).await.expect("the script runs")
    }

    /// Waits until the page shows this text.
    pub async fn wait_for_text(&self, text: &str) {
        let mut last = String::new();
        let shown = tokio::time::timeout(TIMEOUT, async {
            while !last.contains(text) {
                tokio::time::sleep(Duration::from_millis(50)).await;
                last = self.text().await;
            }
        });
        assert!(shown.await.is_ok(), "the page does not show {text:?}, but:\n{last}");
    }

    /// Waits until the page no longer shows this text.
    pub async fn wait_until_gone(&self, text: &str) {
        eventually_within(TIMEOUT, &format!("the page no longer shows {text:?}"), async || {
            let shown = self.text().await;
            (!shown.is_empty() && !shown.contains(text)).then_some(())
        })
        .await;
    }

    /// Waits until the browser is at this path.
    pub async fn wait_for_path(&self, path: &str) {
        eventually_within(TIMEOUT, &format!("the page is at {path}"), async || {
            let url = self.page.current_url().await.ok()?;
            (&url.as_str()[url.origin().ascii_serialization().len()..] == path).then_some(())
        })
        .await;
    }

    /// The visible text of the page, on one line. Empty during navigation.
    pub async fn text(&self) -> String {
        let text = match self.page.find(Locator::Css("body")).await {
            Ok(body) => body.text().await.unwrap_or_default(),
            Err(_) => String::new(),
        };
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Entries of the browser's console since the last call: errors, and violations of the Content Security
    /// Policy.
    pub async fn console_errors(&self) -> Vec<String> {
        let output = self.page.issue_cmd(Command::browser_log()).await.expect("the browser has a log");
        let output = output.as_array().expect("a list").iter();
        output.map(|entry| entry["message"].as_str().expect("a message").to_owned()).collect()
    }

    /// Waits for the download of this name, and returns its text.
    pub async fn downloaded(&self, name: &str) -> String {
        let path = self.driver.downloads().join(name);
        eventually_within(TIMEOUT, &format!("{name} is downloaded"), async || {
            std::fs::read_to_string(&path).ok()
        })
        .await
    }

    /// Saves the whole page as `screenshots/NAME.png` beside the test binaries, for people to look at.
    pub async fn save_screenshot(&self, name: &str) {
        // A sticky bar would cover the middle of it.
        let bars =
            "document.querySelectorAll('.sticky').forEach(bar => { bar.style.position = arguments[0] })";
        self.page.execute(bars, vec![json!("static")]).await.expect("the script runs");
        let height = self.run("return document.documentElement.scrollHeight").await;
        let width = self.run("return window.innerWidth").await;
        let taken = self.page.issue_cmd(Command::screenshot(&width, &height)).await.expect("a picture");
        self.page.execute(bars, vec![json!("")]).await.expect("the script runs");
        let taken = taken["data"].as_str().expect("a picture");
        let save_screenshot = BASE64_STANDARD.decode(taken).expect("base64");
        let folder = screenshots();
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join(format!("{name}.png")), save_screenshot).expect("the picture is written");
    }

    /// Closes it. If a test fails before, the browser ends with its driver.
    pub async fn close(self) {
        self.page.close().await.expect("the browser ends");
        drop(self.driver);
    }
}

fn screenshots() -> PathBuf {
    let mut folder = std::env::current_exe().expect("this binary has a path");
    folder.pop();
    folder.parent().expect("a target folder").join("screenshots")
}
