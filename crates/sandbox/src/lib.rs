//! Stand-ins for the services that the chain calls, with faults on request and a record of every call.
//! For tests, trials and demonstrations; everything is kept in memory.
//!
//! Where no document says how strict the real service is, a stand-in is as strict as it may be, so that
//! what passes here passes there.
//!
//! ```
//! # async fn example() -> std::io::Result<()> {
//! use sandbox::{Call, Fault, Options, Rule};
//!
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let sandbox = sandbox::serve(listener, Options::default())?;
//! sandbox.omnium.add_fault(Rule::new(Fault::Reset).on(Call::Upsert).times(1));
//! // … run what is tested against `sandbox.base_url()`, then:
//! assert_eq!(sandbox.omnium.summary().violations, []);
//! # Ok(())
//! # }
//! # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
//! ```

// A refusal is an HTTP answer, made once a request.
#![allow(clippy::result_large_err)]

pub mod chat;
mod connection;
mod documents;
pub mod erp;
mod faults;
pub mod flow;
mod http;
pub mod hydrate;
pub mod idp;
pub mod invoice_service;
pub mod omnium;
pub mod oms;
mod recorder;
mod stand_in;

use std::io;
use std::net::SocketAddr;

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::connection::{Wire, WireListener};

pub use crate::faults::{Fault, Rule};
pub use crate::recorder::{About, Call, Calls, Entry, FileFacts, Subject, Violation, ViolationKind};
pub use crate::stand_in::{Service, StandIn, Summary};
pub use config::Secret;

/// How the stand-ins behave. Faults are added later, with [`StandIn::add_fault`].
#[derive(Clone, Debug)]
pub struct Options {
    /// Omnium's.
    pub omnium: omnium::Options,
    /// The invoice service's.
    pub invoice_service: invoice_service::Options,
    /// The OMS's.
    pub oms: oms::Options,
    /// Flow's.
    pub flow: flow::Options,
    /// Seeds the random choice of the calls that meet a fault with a rate, so that a run can be repeated.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        let (omnium, invoice_service, oms, flow) = Default::default();
        Self { omnium, invoice_service, oms, flow, seed: 1 }
    }
}

/// Stand-ins that are being served. Dropping this ends them.
#[derive(Debug)]
pub struct Sandbox {
    /// For Omnium.
    pub omnium: omnium::Omnium,
    /// For an invoice service.
    pub invoice_service: invoice_service::InvoiceService,
    /// For Akinon's OMS.
    pub oms: oms::Oms,
    /// For an ERP.
    pub erp: erp::Erp,
    /// For a hydrate hook.
    pub hydrate: hydrate::Hydrate,
    /// For Flow.
    pub flow: flow::Flow,
    /// For a chat that is notified.
    pub chat: chat::Chat,
    address: SocketAddr,
    app: Router,
    server: Server,
}

/// Serves the stand-ins on a listener, in the background of the current runtime.
///
/// # Errors
/// The listener has no address, or the URL of the invoice service's broker cannot be read.
pub fn serve(listener: TcpListener, options: Options) -> io::Result<Sandbox> {
    let Options { omnium, invoice_service, oms, flow, seed } = options;
    let address = listener.local_addr()?;
    let omnium = StandIn::new(omnium::Api::new(omnium), seed);
    let invoice_service = StandIn::new(invoice_service::Api::new(invoice_service)?, seed ^ 1);
    let oms = StandIn::new(oms::Api::new(oms), seed ^ 2);
    let erp = StandIn::new(erp::Api::default(), seed ^ 3);
    let hydrate = StandIn::new(hydrate::Api, seed ^ 4);
    let flow = StandIn::new(flow::Api::new(flow), seed ^ 5);
    let chat = StandIn::new(chat::Api::default(), seed ^ 6);
    let routers = [
        invoice_service.router(),
        oms.router(),
        erp.router(),
        hydrate.router(),
        flow.router(),
        chat.router(),
    ];
    let app = routers.into_iter().fold(omnium.router(), Router::merge);
    let server = Server::start(listener, app.clone());
    Ok(Sandbox { omnium, invoice_service, oms, erp, hydrate, flow, chat, address, app, server })
}

impl Sandbox {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Omnium's base URL, without a trailing slash.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where invoices are requested.
    pub fn invoice_service_url(&self) -> String {
        self.base_url() + invoice_service::Api::PATH
    }

    /// The base URL of Akinon's OMS, without a trailing slash.
    pub fn oms_url(&self) -> String {
        self.base_url() + oms::Api::PATH
    }

    /// Where invoices are delivered.
    pub fn erp_url(&self) -> String {
        self.base_url() + erp::Api::PATH
    }

    /// Where ids of receipts are exchanged for whole receipts.
    pub fn hydrate_url(&self) -> String {
        self.base_url() + hydrate::Api::PATH
    }

    /// The base URL of Flow's API, its version included.
    pub fn flow_url(&self) -> String {
        format!("{}{}/v2", self.base_url(), flow::Api::PATH)
    }

    /// The webhook of a chat.
    pub fn chat_url(&self) -> String {
        self.base_url() + chat::Api::PATH
    }

    /// Closes the port and every connection: whoever calls now is refused. Calls in progress are carried
    /// out, and nothing is forgotten.
    pub async fn stop_listening(&mut self) {
        self.server.stop().await;
    }

    /// Listens on the same port again, with the same state.
    ///
    /// # Errors
    /// Another process has taken the port.
    pub async fn listen_again(&mut self) -> io::Result<()> {
        self.server.stop().await;
        self.server = Server::start(TcpListener::bind(self.address).await?, self.app.clone());
        Ok(())
    }

    /// Serves until the process ends.
    pub async fn run(mut self) {
        // The task ends only when it is stopped, and nobody else can stop it.
        let _ = (&mut self.server.task).await;
    }
}

/// The task that accepts connections, and what closes those that it accepted.
#[derive(Debug)]
struct Server {
    task: JoinHandle<()>,
    shutdown: CancellationToken,
}

impl Server {
    fn start(listener: TcpListener, app: Router) -> Self {
        let shutdown = CancellationToken::new();
        let listener = WireListener::new(listener, shutdown.clone());
        let app = app.into_make_service_with_connect_info::<Wire>();
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, app).await {
                tracing::error!(error = &error as &dyn std::error::Error, "the sandbox's server failed");
            }
        });
        Self { task, shutdown }
    }

    async fn stop(&mut self) {
        self.shutdown.cancel();
        self.task.abort();
        if !self.task.is_finished() {
            // Only the end of the task closes the listener. It was aborted, so its result says nothing.
            let _ = (&mut self.task).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shutdown.cancel();
        self.task.abort();
    }
}
