//! `bilag sandbox`: the stand-in for Omnium.

use sandbox::omnium::{Limits, Rule};
use tokio::net::TcpListener;

use crate::cli::SandboxArgs;
use crate::output::Failed;

/// Serves until the process ends.
pub async fn run(args: SandboxArgs) -> Result<(), Failed> {
    let faults = args
        .faults
        .iter()
        .map(|text| serde_json::from_str::<Rule>(text))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| Failed::used_wrongly("--fault", error))?;
    let listener = TcpListener::bind(args.listen)
        .await
        .map_err(|error| Failed::at(format_args!("cannot listen on {}", args.listen), error))?;
    let omnium = sandbox::omnium::Options {
        faults,
        seed: args.seed,
        token_lifetime: args.token_lifetime.duration(),
        limits: Limits { concurrent: args.max_concurrent, ..Limits::default() },
        ..Default::default()
    };
    let sandbox = sandbox::serve(listener, sandbox::Options { omnium })
        .map_err(|error| Failed::at("the sandbox could not be started", error))?;
    let url = sandbox.base_url();
    println!("a stand-in for Omnium listens at {url}; ledger: {url}/_ledger/summary; faults: {url}/_faults");
    sandbox.run().await;
    Ok(())
}
