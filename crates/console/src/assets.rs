//! The style sheet, the script and the icon, inside the binary. Their path has a hash of what they
//! are, so that browsers may keep them for ever.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sha2::{Digest, Sha256};

use crate::PageError;
use crate::hex::hex;
use crate::server::App;

/// A file inside the binary.
pub(crate) struct Asset {
    name: &'static str,
    kind: &'static str,
    content: &'static str,
    hash: String,
}

impl Asset {
    fn new(name: &'static str, kind: &'static str, content: &'static str) -> Self {
        let hash = hex(&Sha256::digest(content)[..8]);
        Self { name, kind, content, hash }
    }

    /// Where it is served.
    pub(crate) fn path(&self) -> String {
        format!("/assets/{}/{}", self.hash, self.name)
    }
}

pub(crate) static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(
        "style.css",
        "text/css; charset=utf-8",
        concat!(include_str!("../assets/style.css"), include_str!("../assets/pages.css")),
    )
});
pub(crate) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(
        "console.js",
        "text/javascript; charset=utf-8",
        concat!(include_str!("../assets/console.js"), include_str!("../assets/pages.js")),
    )
});
pub(crate) static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("icon.svg", "image/svg+xml", include_str!("../assets/icon.svg")));

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/assets/{hash}/{name}", get(asset))
}

async fn asset(Path((hash, name)): Path<(String, String)>) -> Result<Response, PageError> {
    let known =
        [&*STYLE, &*SCRIPT, &*ICON].into_iter().find(|asset| asset.name == name && asset.hash == hash);
    let asset = known.ok_or(PageError::NotFound("This file is of another version. Load the page again."))?;
    let headers = [(CONTENT_TYPE, asset.kind), (CACHE_CONTROL, "public, max-age=31536000, immutable")];
    Ok((headers, asset.content).into_response())
}
