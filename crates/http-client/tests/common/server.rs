//! A server that gives set answers, and remembers what it was asked. The clients built on this
//! crate are tested with it too.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use tokio::net::TcpListener;

/// One request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The method and the path: `POST /path`.
    pub(crate) line: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Asked {
    /// A header's text; empty where there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("visible ASCII"))
    }
}

/// A server on a port of its own.
pub(crate) struct Server {
    /// Its URL, without a path.
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// Answers each request by what came, and how many came before.
    pub(crate) async fn answering<A>(
        answer: impl Fn(usize, Asked) -> A + Clone + Send + Sync + 'static,
    ) -> Self
    where
        A: Future<Output = Response> + Send,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let remembered = Arc::clone(&asked);
        let app = Router::new().fallback(async move |method: Method, uri: Uri, headers, body| {
            let asked = Asked { line: format!("{method} {uri}"), headers, body };
            let before = {
                let mut remembered = remembered.lock().expect("no panic while remembering");
                remembered.push(asked.clone());
                remembered.len() - 1
            };
            answer(before, asked).await
        });
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, asked }
    }

    /// All that was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no panic while remembering").clone()
    }
}
