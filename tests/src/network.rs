//! A real network between `bilag` and its services, on which packets can be dropped silently.
//!
//! Three network namespaces: `bilag` in one, the services' relays in another, a router between
//! them. A [`Route`] leads through the router to one TCP service of this machine. While it is cut, the
//! router drops its packets silently, so that the kernels at both ends behave as on a
//! silent network: they keep written data and retransmit it.

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

/// Timeout for the start of a namespace or relay.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Seconds after which namespaces and relays end by themselves if the test does not end them.
const LIFETIME: &str = "900";

/// Three namespaces, and the routes between them. They end when dropped.
pub struct TestNetwork {
    router: KilledOnDrop,
    bilag: KilledOnDrop,
    services: KilledOnDrop,
    relays: Vec<KilledOnDrop>,
    lines: u8,
    folder: TempDir,
}

/// A route to one service. `Display` gives the host and port to connect to.
pub struct Route {
    number: u8,
}

/// A process group that is killed when dropped.
struct KilledOnDrop(Child);

impl Drop for KilledOnDrop {
    fn drop(&mut self) {
        // Each is its own process group.
        let _ = Command::new("kill").args(["-KILL", "--", &format!("-{}", self.0.id())]).status();
        let _ = self.0.wait();
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{PORT}", self.service())
    }
}

/// The port of every service, at the address of its route.
const PORT: u16 = 7000;

impl Route {
    /// The addresses of a route, from the range reserved for benchmarks of networks (RFC 2544).
    const fn address(&self, host: u8) -> Ipv4Addr {
        Ipv4Addr::new(198, 18, self.number, host)
    }

    const fn bilag(&self) -> Ipv4Addr {
        self.address(1)
    }

    const fn service(&self) -> Ipv4Addr {
        self.address(5)
    }

    /// The router's interfaces towards `bilag` and towards the service.
    fn devices(&self) -> [String; 2] {
        ["b", "s"].map(|end| format!("{end}{}", self.number))
    }
}

impl TestNetwork {
    /// Creates the namespaces.
    ///
    /// # Panics
    /// If users may not create namespaces on this machine.
    pub fn new() -> Self {
        let router = started("unshare", ["--user", "--map-root-user", "--net", "sleep", LIFETIME]);
        await_namespace(&router);
        let inside = |router: &KilledOnDrop| {
            let router = router.0.id().to_string();
            let arguments =
                ["-t", &router, "-U", "--preserve-credentials", "unshare", "--net", "sleep", LIFETIME];
            let namespace = started("nsenter", arguments);
            await_namespace(&namespace);
            namespace
        };
        let (bilag, services) = (inside(&router), inside(&router));
        let network = Self {
            router,
            bilag,
            services,
            relays: Vec::new(),
            lines: 0,
            folder: TempDir::new().expect("a folder"),
        };
        for namespace in [&network.bilag, &network.services] {
            network.ip(namespace, "link set lo up");
        }
        network
    }

    /// Adds a route to a TCP service of this machine (`127.0.0.1:5672`).
    pub fn route(&mut self, to: &str) -> Route {
        self.lines += 1;
        let line = Route { number: self.lines };
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
        // Unix sockets cross network namespaces; TCP connections do not.
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

    /// Drops every packet on the route, in both directions.
    pub fn cut(&self, line: &Route) {
        line.devices().iter().for_each(|device| self.forward(device, false));
    }

    /// Drops every packet to the service; packets from it still arrive.
    pub fn cut_towards_service(&self, line: &Route) {
        let [towards_bilag, _] = line.devices();
        self.forward(&towards_bilag, false);
    }

    /// Lets packets through again.
    pub fn heal(&self, line: &Route) {
        line.devices().iter().for_each(|device| self.forward(device, true));
    }

    /// Cuts a route for this long, then lets packets through again.
    pub async fn silence(&self, line: &Route, length: Duration) {
        self.cut(line);
        tokio::time::sleep(length).await;
        self.heal(line);
    }

    /// Waits until no kernel holds unsent data for the route, not even of
    /// processes that have ended.
    pub async fn wait_until_drained(&self, line: &Route) {
        eventually("the kernel's send buffers are empty", async || {
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

    /// The command prefix that starts a program in `bilag`'s namespace.
    pub(crate) fn launcher(&self) -> Vec<String> {
        self.entering(&self.bilag)
    }

    /// Switches forwarding of packets from an interface on or off.
    fn forward(&self, device: &str, on: bool) {
        let write = format!("echo {} >/proc/sys/net/ipv4/conf/{device}/forwarding", u8::from(on));
        assert!(self.succeeds(&self.router, &["sh", "-c", &write]), "{write}");
    }

    fn ip(&self, namespace: &KilledOnDrop, arguments: &str) {
        let words: Vec<&str> = ["ip"].into_iter().chain(arguments.split(' ')).collect();
        assert!(self.succeeds(namespace, &words), "ip {arguments}");
    }

    fn succeeds(&self, namespace: &KilledOnDrop, words: &[&str]) -> bool {
        let entering = self.entering(namespace);
        let ran = Command::new(&entering[0]).args(&entering[1..]).args(words).status();
        ran.expect("nsenter runs (packages util-linux, iproute2 and socat)").success()
    }

    fn entering(&self, namespace: &KilledOnDrop) -> Vec<String> {
        let pid = namespace.0.id().to_string();
        ["nsenter", "-t", &pid, "-U", "-n", "--preserve-credentials"].map(str::to_owned).to_vec()
    }
}

impl Default for TestNetwork {
    fn default() -> Self {
        Self::new()
    }
}

fn started<S: AsRef<OsStr>>(program: &str, arguments: impl IntoIterator<Item = S>) -> KilledOnDrop {
    use std::os::unix::process::CommandExt;
    let mut command = Command::new(program);
    let child = command.args(arguments).stdin(Stdio::null()).process_group(0).spawn();
    KilledOnDrop(child.unwrap_or_else(|error| panic!("{program} (packages util-linux and socat): {error}")))
}

/// Waits until a process is in its own network namespace.
fn await_namespace(process: &KilledOnDrop) {
    let of = |pid: &str| fs::read_link(PathBuf::from("/proc").join(pid).join("ns/net")).ok();
    let ready = || {
        let pid = process.0.id().to_string();
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        of(&pid).is_some_and(|net| Some(net) != of("self")) && name.trim() == "sleep"
    };
    await_true(
        "a network namespace of the test's own (users must be allowed to create them: \
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
