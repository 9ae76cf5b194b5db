//! A real network between `bilag` and what it talks to, on which packets can be dropped without an answer.
//!
//! Three network namespaces of the test's own: `bilag` in one, the far ends in another, a router between
//! them. A [`Line`] is a route through the router to one TCP service of this machine. While it is cut, the
//! router drops what comes on it and says nothing, so that the kernels at both ends do what they do on a
//! network that has gone silent: they keep what was written and send it again.

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::eventually;

/// How long a namespace or a relay may take to be there.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Namespaces and relays end by themselves after so many seconds, should the test not end them.
const LIFETIME: &str = "900";

/// Three namespaces, and the lines between them. They end when dropped.
pub struct Wire {
    router: Ended,
    bilag: Ended,
    services: Ended,
    relays: Vec<Ended>,
    lines: u8,
    folder: TempDir,
}

/// A route to one service. `Display` gives the host and port to connect to.
pub struct Line {
    number: u8,
}

/// A process, killed with all that it started when dropped.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // Each is a process group of its own.
        let _ = Command::new("kill").args(["-KILL", "--", &format!("-{}", self.0.id())]).status();
        let _ = self.0.wait();
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{PORT}", self.service())
    }
}

/// The port of every service, at the address of its line.
const PORT: u16 = 7000;

impl Line {
    /// Four addresses of one line each, of the range that is set aside for tests of networks (RFC 2544).
    const fn address(&self, host: u8) -> Ipv4Addr {
        Ipv4Addr::new(198, 18, self.number, host)
    }

    const fn bilag(&self) -> Ipv4Addr {
        self.address(1)
    }

    const fn service(&self) -> Ipv4Addr {
        self.address(5)
    }

    /// The router's devices towards `bilag` and towards the service.
    fn devices(&self) -> [String; 2] {
        ["b", "s"].map(|end| format!("{end}{}", self.number))
    }
}

impl Wire {
    /// Makes the namespaces.
    ///
    /// # Panics
    /// The machine does not let its users make namespaces.
    pub fn new() -> Self {
        let router = started("unshare", ["--user", "--map-root-user", "--net", "sleep", LIFETIME]);
        await_namespace(&router);
        let inside = |router: &Ended| {
            let router = router.0.id().to_string();
            let arguments =
                ["-t", &router, "-U", "--preserve-credentials", "unshare", "--net", "sleep", LIFETIME];
            let namespace = started("nsenter", arguments);
            await_namespace(&namespace);
            namespace
        };
        let (bilag, services) = (inside(&router), inside(&router));
        let wire = Self {
            router,
            bilag,
            services,
            relays: Vec::new(),
            lines: 0,
            folder: TempDir::new().expect("a folder"),
        };
        for namespace in [&wire.bilag, &wire.services] {
            wire.ip(namespace, "link set lo up");
        }
        wire
    }

    /// Lays a line to a TCP service of this machine (`127.0.0.1:5672`).
    pub fn line(&mut self, to: &str) -> Line {
        self.lines += 1;
        let line = Line { number: self.lines };
        let [towards_bilag, towards_service] = line.devices();
        let number = line.number;
        for (device, namespace, router_at, end) in [
            (&towards_bilag, &self.bilag, line.address(2), line.bilag()),
            (&towards_service, &self.services, line.address(6), line.service()),
        ] {
            let pid = namespace.0.id();
            self.ip(&self.router, &format!("link add {device} type veth peer name l{number} netns {pid}"));
            self.ip(&self.router, &format!("addr add {router_at}/30 dev {device}"));
            self.ip(&self.router, &format!("link set {device} up"));
            self.ip(namespace, &format!("addr add {end}/30 dev l{number}"));
            self.ip(namespace, &format!("link set l{number} up"));
            self.ip(namespace, &format!("route add 198.18.{number}.0/29 via {router_at}"));
        }
        self.heal(&line);
        // Paths of sockets cross namespaces; connections of TCP do not.
        let socket = self.folder.path().join(format!("{number}.sock"));
        let out = format!("UNIX-LISTEN:{},fork", socket.display());
        self.relays.push(started("socat", ["-t60", &out, &format!("TCP:{to}")]));
        await_true("the relay listens", || socket.exists());
        let (listen, path) =
            (format!("TCP-LISTEN:{PORT},bind={},fork,reuseaddr", line.service()), socket.display());
        let mut relay = self.entering(&self.services);
        relay.extend(["socat", "-t60", &listen, &format!("UNIX-CONNECT:{path}")].map(str::to_owned));
        self.relays.push(started(&relay[0], &relay[1..]));
        await_true("the line is there", || {
            let reached = format!("TCP:{line},connect-timeout=1");
            self.succeeds(&self.bilag, &["socat", "-u", "/dev/null", &reached])
        });
        line
    }

    /// Drops every packet on the line, both ways.
    pub fn cut(&self, line: &Line) {
        line.devices().iter().for_each(|device| self.forward(device, false));
    }

    /// Drops every packet to the service; what comes from it still arrives.
    pub fn cut_towards_service(&self, line: &Line) {
        let [towards_bilag, _] = line.devices();
        self.forward(&towards_bilag, false);
    }

    /// Lets packets through again.
    pub fn heal(&self, line: &Line) {
        line.devices().iter().for_each(|device| self.forward(device, true));
    }

    /// Keeps a line cut for so long, then lets packets through again.
    pub async fn silence(&self, line: &Line, length: Duration) {
        self.cut(line);
        tokio::time::sleep(length).await;
        self.heal(line);
    }

    /// Waits until nothing that was written to the line waits in a kernel to be sent again, not even for
    /// processes that have ended.
    pub async fn delivered(&self, line: &Line) {
        eventually("nothing is left in the kernel's hand", async || {
            let entering = self.entering(&self.bilag);
            let service = line.to_string();
            let mut sockets = Command::new(&entering[0]);
            sockets.args(&entering[1..]).args(["ss", "-Htn", "dst", &service]);
            let listed = sockets.output().expect("ss runs (package iproute2)");
            let listed = String::from_utf8(listed.stdout).expect("text");
            // State, Recv-Q, Send-Q, …
            listed.lines().all(|line| line.split_whitespace().nth(2) == Some("0")).then_some(())
        })
        .await;
    }

    /// What starts a program at `bilag`'s end of the lines.
    pub(crate) fn launcher(&self) -> Vec<String> {
        self.entering(&self.bilag)
    }

    /// Whether the router passes on what comes in at a device.
    fn forward(&self, device: &str, on: bool) {
        let write = format!("echo {} >/proc/sys/net/ipv4/conf/{device}/forwarding", u8::from(on));
        assert!(self.succeeds(&self.router, &["sh", "-c", &write]), "{write}");
    }

    fn ip(&self, namespace: &Ended, arguments: &str) {
        let words: Vec<&str> = ["ip"].into_iter().chain(arguments.split(' ')).collect();
        assert!(self.succeeds(namespace, &words), "ip {arguments}");
    }

    fn succeeds(&self, namespace: &Ended, words: &[&str]) -> bool {
        let entering = self.entering(namespace);
        let ran = Command::new(&entering[0]).args(&entering[1..]).args(words).status();
        ran.expect("nsenter runs (packages util-linux, iproute2 and socat)").success()
    }

    fn entering(&self, namespace: &Ended) -> Vec<String> {
        let pid = namespace.0.id().to_string();
        ["nsenter", "-t", &pid, "-U", "-n", "--preserve-credentials"].map(str::to_owned).to_vec()
    }
}

impl Default for Wire {
    fn default() -> Self {
        Self::new()
    }
}

fn started<S: AsRef<OsStr>>(program: &str, arguments: impl IntoIterator<Item = S>) -> Ended {
    use std::os::unix::process::CommandExt;
    let mut command = Command::new(program);
    let child = command.args(arguments).stdin(Stdio::null()).process_group(0).spawn();
    Ended(child.unwrap_or_else(|error| panic!("{program} (packages util-linux and socat): {error}")))
}

/// Waits until a process is in a network namespace of its own.
fn await_namespace(process: &Ended) {
    let of = |pid: &str| fs::read_link(PathBuf::from("/proc").join(pid).join("ns/net")).ok();
    let ready = || {
        let pid = process.0.id().to_string();
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        of(&pid).is_some_and(|net| Some(net) != of("self")) && name.trim() == "sleep"
    };
    await_true(
        "a network namespace of the test's own (this machine must let users make them: \
         `unshare --user --map-root-user --net true`)",
        ready,
    );
}

fn await_true(what: &str, mut ready: impl FnMut() -> bool) {
    let deadline = Instant::now() + TIMEOUT;
    while !ready() {
        assert!(Instant::now() < deadline, "not within {TIMEOUT:?}: {what}");
        sleep(Duration::from_millis(20));
    }
}
