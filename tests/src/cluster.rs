//! A private cluster of three brokers for one test, whose nodes can be killed and restarted.

use std::path::PathBuf;

use tempfile::TempDir;

use crate::Vhost;
use crate::broker::run;

/// A private cluster; stopped when dropped.
pub struct PrivateCluster {
    folder: TempDir,
    urls: Vec<Vec<String>>,
}

const NODES: usize = 3;

impl PrivateCluster {
    /// Starts it.
    pub fn start() -> Self {
        let mut cluster = Self { folder: TempDir::new().expect("a folder"), urls: Vec::new() };
        for node in 0..NODES {
            let urls = cluster.start_node(node);
            cluster.urls.push(urls);
        }
        cluster
    }

    /// A new vhost, created at the first node.
    pub async fn vhost(&self) -> Vhost {
        Vhost::on(&self.urls[0][0], &self.urls[0][1]).await
    }

    /// The AMQP URLs of a vhost at these nodes, for `BILAG_AMQP_URL`.
    pub fn urls(&self, vhost: &Vhost, nodes: &[usize]) -> String {
        let (_, name) = vhost.url.rsplit_once('/').expect("the URL ends in a vhost");
        let at = |node: &usize| {
            let (base, _) = self.urls[*node][0].rsplit_once('/').expect("the URL ends in a vhost");
            format!("{base}/{name}")
        };
        nodes.iter().map(at).collect::<Vec<_>>().join(",")
    }

    /// SIGKILL to a node, like a power cut.
    pub fn kill(&self, node: usize) {
        run("broker.sh", &["kill", &self.of(node)]);
    }

    /// Starts a node again with its data.
    pub fn restart(&self, node: usize) {
        self.start_node(node);
    }

    fn start_node(&self, node: usize) -> Vec<String> {
        let (own, first) = (self.of(node), self.of(0));
        match node {
            0 => run("broker.sh", &["start", &own]),
            _ => run("broker.sh", &["start", &own, &first]),
        }
    }

    fn of(&self, node: usize) -> String {
        let folder: PathBuf = self.folder.path().join(node.to_string());
        folder.to_string_lossy().into_owned()
    }
}

impl Drop for PrivateCluster {
    fn drop(&mut self) {
        // The first node runs the port mapper (epmd) of all.
        for node in (0..NODES).rev() {
            run("broker.sh", &["stop", &self.of(node)]);
        }
    }
}
