//! `bilag-sandbox`: stand-ins for the services that Bilag calls, for trials and demonstrations.

use std::error::Error;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;

use amqp::{Broker, Delay};
use clap::builder::NonEmptyStringValueParser;
use clap::{Parser, ValueEnum};
use sandbox::invoice_service::{self, Mode};
use sandbox::omnium::{self, Limits};
use sandbox::{Options, Rule, Sandbox};
use tokio::net::TcpListener;

/// Run stand-ins for Omnium, an invoice service, Akinon's OMS, an ERP, a hydrate hook and a chat, with
/// faults on request and a record of every call
#[derive(Debug, Parser)]
#[command(name = "bilag-sandbox", version, max_term_width = 100)]
struct Args {
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1:8095", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Fault of Omnium, as POST /_faults accepts it; may be repeated. For example
    /// {"times": 3, "fault": {"kind": "status", "status": 503}}
    #[arg(long = "fault", value_name = "JSON")]
    faults: Vec<Rule>,
    /// Seed for choosing the calls that a fault with a rate hits, to repeat a run
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Concurrent requests above which Omnium answers 429
    #[arg(long, default_value_t = 20, value_name = "N")]
    max_concurrent: usize,
    /// Lifetime of Omnium's access tokens
    #[arg(long, default_value = "24h", value_name = "DELAY")]
    token_lifetime: Delay,
    /// How the invoice service answers
    #[arg(long, value_enum, default_value = "sync", value_name = "MODE")]
    invoice_service: InvoiceServiceMode,
    /// Broker of an invoice service that answers over the bus
    #[arg(
        long,
        env = "BILAG_AMQP_URL",
        hide_env_values = true,
        hide_default_value = true,
        default_value = "amqp://guest:guest@127.0.0.1:5672/%2f",
        value_name = "URL"
    )]
    amqp_url: String,
    /// Exchange it publishes its answers to; must exist
    #[arg(
        long,
        env = "BILAG_BUS_EXCHANGE",
        hide_env_values = true,
        default_value = "events",
        value_parser = NonEmptyStringValueParser::new(),
        value_name = "NAME"
    )]
    bus_exchange: String,
    /// Delay of its answers over the bus
    #[arg(long, default_value = "2s", value_name = "DELAY")]
    answer_after: Delay,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum InvoiceServiceMode {
    /// At once, with the receipt
    Sync,
    /// Later, over the bus
    Async,
}

#[tokio::main]
async fn main() -> ExitCode {
    // The one TLS stack; only a second call could fail.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let args = Args::parse();
    if args.invoice_service == InvoiceServiceMode::Async
        && let Err(error) = Broker::parse(&args.amqp_url, "sandbox")
    {
        return failed("BILAG_AMQP_URL", &error, ExitCode::from(2));
    }
    let listen = args.listen;
    match start(args).await {
        Ok(sandbox) => {
            sandbox.run().await;
            ExitCode::SUCCESS
        }
        Err(error) => failed(&format!("cannot listen on {listen}"), &error, ExitCode::FAILURE),
    }
}

async fn start(args: Args) -> io::Result<Sandbox> {
    let listener = TcpListener::bind(args.listen).await?;
    let sandbox = sandbox::serve(listener, args.options())?;
    args.faults.into_iter().for_each(|rule| sandbox.omnium.add_fault(rule));
    let rows = [
        ("Omnium", "OMNIUM_BASE_URL", sandbox.base_url()),
        ("an invoice service", "INVOICE_SERVICE_URL", sandbox.invoice_service_url()),
        ("Akinon's OMS", "OMS_BASE_URL", sandbox.oms_url()),
        ("an ERP", "ERP_INVOICE_URL", sandbox.erp_url()),
        ("Flow", "FLOW_BASE_URL", sandbox.flow_url()),
        ("a hydrate hook", "BILAG_INGRESS_HYDRATE_URL", sandbox.hydrate_url()),
        ("a chat", "BILAG_NOTIFY_WEBHOOK_URL", sandbox.chat_url()),
    ];
    let mut out = io::stdout().lock();
    writeln!(out, "{:18}  when this is set", "stands in for")?;
    for (name, variable, url) in rows {
        writeln!(out, "{name:18}  {variable}={url}")?;
    }
    writeln!(
        out,
        "\nEach accepts any credentials. Below its URL, /_ledger/summary shows the calls it received,"
    )?;
    writeln!(out, "and /_faults takes faults.")?;
    Ok(sandbox)
}

impl Args {
    fn options(&self) -> Options {
        let limits = Limits { concurrent: self.max_concurrent, ..Limits::default() };
        let token_lifetime = self.token_lifetime.duration();
        let mode = match self.invoice_service {
            InvoiceServiceMode::Sync => Mode::Synchronous,
            InvoiceServiceMode::Async => {
                Mode::over_the_bus(&self.amqp_url, &self.bus_exchange, self.answer_after.duration())
            }
        };
        Options {
            omnium: omnium::Options { limits, token_lifetime, ..Default::default() },
            invoice_service: invoice_service::Options { mode, ..Default::default() },
            seed: self.seed,
            ..Options::default()
        }
    }
}

/// One line with the whole error chain.
fn failed(what: &str, error: &dyn Error, code: ExitCode) -> ExitCode {
    let mut text = format!("error: {what}: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    // Nobody may be reading.
    let _ = writeln!(io::stderr(), "{text}");
    code
}
