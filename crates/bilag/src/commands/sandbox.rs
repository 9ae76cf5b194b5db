//! `bilag sandbox`: the stand-ins for Omnium, an invoice service, Akinon's OMS, an ERP and a hydrate hook.

use amqp::Broker;
use sandbox::invoice_service::Mode;
use sandbox::omnium::{Limits, Rule};
use tokio::net::TcpListener;

use crate::cli::{InvoiceServiceMode, SandboxArgs};
use crate::output::{Column, Failed, say, table};

/// Serves until the process ends.
pub async fn run(args: SandboxArgs) -> Result<(), Failed> {
    let options = options(&args)?;
    let listener = TcpListener::bind(args.listen)
        .await
        .map_err(|error| Failed::at(format_args!("cannot listen on {}", args.listen), error))?;
    let sandbox = sandbox::serve(listener, options)
        .map_err(|error| Failed::at("the sandbox could not be started", error))?;
    let stand_ins = [
        ("Omnium", "OMNIUM_BASE_URL", sandbox.base_url()),
        ("an invoice service", "INVOICE_SERVICE_URL", sandbox.invoice_service_url()),
        ("Akinon's OMS", "OMS_BASE_URL", sandbox.oms_url()),
        ("an ERP", "ERP_INVOICE_URL", sandbox.erp_url()),
        ("a hydrate hook", "BILAG_INGRESS_HYDRATE_URL", sandbox.hydrate_url()),
    ];
    let rows = stand_ins.map(|(name, variable, url)| vec![name.to_owned(), format!("{variable}={url}")]);
    table(&[Column::Left("stands in for"), Column::Left("when this is set")], &rows);
    say("\nEach takes any credentials. Below its URL, /_ledger/summary tells what it was told, and");
    say("/_faults takes faults.");
    sandbox.run().await;
    Ok(())
}

fn options(args: &SandboxArgs) -> Result<sandbox::Options, Failed> {
    let faults = args
        .faults
        .iter()
        .map(|text| serde_json::from_str::<Rule>(text))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| Failed::used_wrongly("--fault", error))?;
    let omnium = sandbox::omnium::Options {
        faults,
        seed: args.seed,
        token_lifetime: args.token_lifetime.duration(),
        limits: Limits { concurrent: args.max_concurrent, ..Limits::default() },
        ..Default::default()
    };
    let mode = match args.invoice_service {
        InvoiceServiceMode::Sync => Mode::Synchronous,
        InvoiceServiceMode::Async => {
            Broker::parse(&args.amqp_url, "sandbox")
                .map_err(|error| Failed::used_wrongly("BILAG_AMQP_URL", error))?;
            Mode::over_the_bus(&args.amqp_url, &args.bus_exchange, args.answer_after.duration())
        }
    };
    let invoice_service = sandbox::invoice_service::Options { mode, seed: args.seed, ..Default::default() };
    let oms = sandbox::oms::Options { seed: args.seed, ..Default::default() };
    let erp = sandbox::erp::Options { seed: args.seed, ..Default::default() };
    let hydrate = sandbox::hydrate::Options { seed: args.seed, ..Default::default() };
    Ok(sandbox::Options { omnium, invoice_service, oms, erp, hydrate })
}
