//! ChromeDriver's commands beyond the WebDriver standard.

use fantoccini::wd::WebDriverCompatibleCommand;
use reqwest::{Method, Url};
use serde_json::{Value, json};

/// A command of a session.
#[derive(Debug)]
pub(super) struct Command {
    path: &'static str,
    body: Value,
}

impl Command {
    /// Entries of the browser's console since the last call.
    pub(super) fn browser_log() -> Self {
        Self { path: "se/log", body: json!({ "type": "browser" }) }
    }

    /// A screenshot of the page from its top, of this size, beyond the viewport.
    pub(super) fn screenshot(width: &Value, height: &Value) -> Self {
        let clip = json!({ "x": 0, "y": 0, "width": width, "height": height, "scale": 1 });
        let params = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        Self { path: "goog/cdp/execute", body: json!({ "cmd": "Page.captureScreenshot", "params": params }) }
    }
}

impl WebDriverCompatibleCommand for Command {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, <Url as std::str::FromStr>::Err> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}
