//! `bilag console`: the operators' pages, and who may look at them.

mod access;
mod hash;
mod sessions;

use std::sync::Arc;

use amqp::Management;
use console::{Clock, Console};
use tokio::net::TcpListener;

use crate::cli::{ConsoleArgs, ConsoleCommand, ConsoleSettings};
use crate::output::{Failed, say};
use crate::shutdown::signalled;
use crate::telemetry;

/// Serves until SIGTERM or SIGINT; or looks after users and sessions.
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
    tracing::info!(store = store.describe(), "the store of the console; the consumers must share it");
    let shown = access.outside.as_ref().map_or(format!("http://{listening}"), |url| url.origin().to_owned());
    let settings = &args.settings.0;
    let chain = settings.chain();
    let templates = settings.render.with_tenants(&settings.tenants).templates();
    let templates = templates.map_err(Failed::plainly_used_wrongly)?;
    let console = Console {
        store,
        management: args.management_url.as_ref().map(|url| Management::new(url, &broker)),
        broker,
        stages: chain.to_vec(),
        off: chain.iter().filter_map(|stage| Some((stage.name, stage.disabled_reason?))).collect(),
        delays: args.broker.retry_delays,
        access,
        clock: Clock::system(),
        allow_edit: args.console_allow_edit,
        look: Arc::new(move |tenant| templates.of(tenant).unwrap_or(templates.of_installation())),
        patience: settings.packed.overdue_after(),
    };
    let told = signalled()?;
    let stopped = async move {
        told.await;
        tracing::info!("stopping: what is being answered is answered first");
    };
    say(format_args!("the console is at {shown}"));
    console::serve(listener, console, stopped).await.map_err(Failed::plainly)
}
