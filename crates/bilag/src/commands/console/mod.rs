//! `bilag console`: the operators' pages, and who may look at them.

mod access;
mod hash;
mod sessions;

use std::sync::Arc;

use amqp::Management;
use console::{Clock, Console, EInvoice};
use en16931::Policy;
use tokio::net::TcpListener;

use crate::cli::{ConsoleArgs, ConsoleCommand, ConsoleSettings};
use crate::output::{Failed, say};
use crate::shutdown::shutdown_on_signal;
use crate::telemetry;

/// Serves until SIGTERM or SIGINT, or manages users and sessions.
pub async fn run(args: ConsoleArgs) -> Result<(), Failed> {
    match args.command {
        None => serve(args.serve).await,
        Some(ConsoleCommand::Hash) => hash::run(),
        Some(ConsoleCommand::Sessions(args)) => sessions::list(args).await,
        Some(ConsoleCommand::Revoke { name, all: _, store }) => sessions::revoke(name, store).await,
    }
}

async fn serve(args: ConsoleSettings) -> Result<(), Failed> {
    let _telemetry = telemetry::start(&args.logs)?;
    let access = access::of(&args)?;
    let broker = args.broker.broker("console")?;
    let address = args.console_addr;
    let wrong_address = |error| Failed::used_wrongly(&format!("BILAG_CONSOLE_ADDR {address}"), error);
    let listener = TcpListener::bind(address).await.map_err(wrong_address)?;
    let listening = listener.local_addr().map_err(wrong_address)?;
    let store = args.store.open().await?;
    tracing::info!(store = store.describe(), "the console's store; the consumers must share it");
    let url =
        access.public_url.as_ref().map_or(format!("http://{listening}"), |public| public.origin().to_owned());
    let settings = &args.settings.0;
    let chain = settings.chain();
    let test_label = settings.upload.test_label(settings.tenants.tenants.as_ref());
    let templates = settings.render.with_tenants(&settings.tenants).templates();
    let templates = Arc::new(templates.map_err(Failed::plainly_used_wrongly)?);
    let of_e_invoices = Arc::clone(&templates);
    let console = Console {
        store,
        management: args.management_url.as_ref().map(|url| Management::new(url, &broker)),
        broker,
        stages: chain.to_vec(),
        delays: args.broker.retry_delays,
        access,
        clock: Clock::system(),
        allow_edit: args.console_allow_edit,
        render: Arc::new(move |event| {
            let settings = templates.of(&event.tenant.uid).unwrap_or_else(|| templates.of_installation());
            Ok(settings.render(event)?.pdf)
        }),
        e_invoice: Arc::new(move |event| {
            let templates = &of_e_invoices;
            let settings = templates.of(&event.tenant.uid).unwrap_or_else(|| templates.of_installation());
            match settings.e_invoice(event) {
                Ok(None) => EInvoice::NotDue,
                Ok(Some(_)) => EInvoice::Contained,
                Err(missing) => {
                    let reasons = missing.iter().map(ToString::to_string).collect();
                    let is_required = settings.en16931 == Policy::Required;
                    if is_required { EInvoice::Refused(reasons) } else { EInvoice::Missing(reasons) }
                }
            }
        }),
        test_label: test_label
            .map(|label| console::TestLabel { text: label.text.into(), is_of_all: label.is_of_all }),
        package_timeout: settings.packed.overdue_after(),
    };
    let shutdown = shutdown_on_signal("stopping: finishing requests in flight")?;
    say(format_args!("the console is at {url}"));
    console::serve(listener, console, shutdown).await.map_err(Failed::plainly)
}
