//! Stand-ins for what lies downstream of the chain, with faults on request and a ledger of all they
//! were told. For tests, trials and demonstrations; keeps everything in memory.
//!
//! A stand-in is as strict as the real thing may be where no document says how it behaves, so that
//! what holds here holds there.

mod answer;
mod caller;
mod connection;
mod contents;
mod control;
mod desk;
mod echo;
pub mod erp;
mod faults;
pub mod hydrate;
pub mod idp;
pub mod invoice_service;
mod ledger;
pub mod omnium;
pub mod oms;
mod rule;
mod serving;

use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::middleware::from_fn;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::connection::{Wire, WireListener};

/// What the stand-ins are like at the start.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Omnium's.
    pub omnium: omnium::Options,
    /// The invoice service's.
    pub invoice_service: invoice_service::Options,
    /// Akinon's OMS's.
    pub oms: oms::Options,
    /// The ERP's.
    pub erp: erp::Options,
    /// The hydrate hook's.
    pub hydrate: hydrate::Options,
}

/// Stand-ins that are being served. Dropping this ends them.
#[derive(Debug)]
pub struct Sandbox {
    /// The stand-in for Omnium, to be asked and told things without HTTP.
    pub omnium: omnium::Omnium,
    /// The stand-in for an invoice service.
    pub invoice_service: invoice_service::InvoiceService,
    /// The stand-in for Akinon's OMS.
    pub oms: oms::Oms,
    /// The stand-in for an ERP.
    pub erp: erp::Erp,
    /// The stand-in for a hydrate hook.
    pub hydrate: hydrate::Hydrate,
    address: SocketAddr,
    app: Router,
    server: Server,
}

/// Serves the stand-ins on a listener, in the background of the current runtime.
///
/// # Errors
/// The listener has no address, or the URL of the invoice service's broker cannot be read.
pub fn serve(listener: TcpListener, options: Options) -> io::Result<Sandbox> {
    let address = listener.local_addr()?;
    let omnium = omnium::Omnium::new(options.omnium);
    let invoice_service = invoice_service::InvoiceService::new(options.invoice_service)?;
    let oms = oms::Oms::new(options.oms);
    let erp = erp::Erp::new(options.erp);
    let hydrate = hydrate::Hydrate::new(options.hydrate);
    let app = omnium.router().merge(invoice_service.router()).merge(oms.router()).merge(erp.router());
    let app = app.merge(hydrate.router());
    let server = Server::start(listener, app.clone());
    Ok(Sandbox { omnium, invoice_service, oms, erp, hydrate, address, app, server })
}

impl Sandbox {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base URL of the stand-in for Omnium, without a slash at its end.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where the invoice service is asked.
    pub fn invoice_service_url(&self) -> String {
        format!("{}/invoice-service", self.base_url())
    }

    /// The base URL of Akinon's OMS, without a slash at its end.
    pub fn oms_url(&self) -> String {
        format!("{}/oms", self.base_url())
    }

    /// Where the ERP is told.
    pub fn erp_url(&self) -> String {
        format!("{}/erp", self.base_url())
    }

    /// Where ids of receipts become whole receipts.
    pub fn hydrate_url(&self) -> String {
        format!("{}/hydrate", self.base_url())
    }

    /// Lets go of the port and of every connection: whoever calls now is refused. What was being
    /// executed goes on, and everything is remembered.
    pub async fn stop_listening(&mut self) {
        self.server.stop().await;
    }

    /// Listens on the same port again, with all that is remembered.
    ///
    /// # Errors
    /// The port was taken by another meanwhile.
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

/// The task that accepts connections, and the switch that ends them.
#[derive(Debug)]
struct Server {
    task: JoinHandle<()>,
    open: watch::Sender<bool>,
}

impl Server {
    fn start(listener: TcpListener, app: Router) -> Self {
        let (open, watch) = watch::channel(true);
        let listener = WireListener::new(listener, watch);
        let app = app.layer(from_fn(echo::echo)).into_make_service_with_connect_info::<Wire>();
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, app).await {
                tracing::error!(error = &error as &dyn std::error::Error, "the sandbox ended");
            }
        });
        Self { task, open }
    }

    async fn stop(&mut self) {
        self.open.send_replace(false);
        self.task.abort();
        if !self.task.is_finished() {
            // Only its end closes the listener; that it was aborted is no news.
            let _ = (&mut self.task).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A panic elsewhere says nothing about what is behind the lock: each critical section leaves it whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
