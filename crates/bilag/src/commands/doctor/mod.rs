//! `bilag doctor`: whether everything is there that consumers need. Changes nothing.

mod broker;
mod finding;
mod services;
mod store;

use serde_json::json;

use crate::chain;
use crate::cli::DoctorArgs;
use crate::output::{self, Failed, say};
use finding::{Finding, Level};

/// Checks all that the stages in use need, and says what to fix. What cannot be looked at
/// because something before it is missing is left out.
pub async fn run(args: DoctorArgs) -> Result<(), Failed> {
    let chain = args.settings.0.chain();
    let stages = chain::named(&args.stages, &chain);
    let (at_broker, store_url) = (args.broker.broker("doctor")?, args.store.url()?);
    let mut findings = services::in_use(&stages, &chain, &args);
    findings.extend(services::transforms(&stages, &chain, &args));
    let (broker, store, services) = tokio::join!(
        broker::look(&at_broker, &stages, &chain, &args),
        store::look(&store_url, &at_broker, &stages),
        services::look(&stages),
    );
    findings.extend(broker.into_iter().chain(store).chain(services));
    let failed = findings.iter().filter(|finding| finding.level == Level::Fail).count();
    let warned = findings.iter().filter(|finding| finding.level == Level::Warn).count();
    if args.json {
        let checks: Vec<_> = findings.iter().map(Finding::to_json).collect();
        output::json(&json!({ "checks": checks, "failed": failed, "warned": warned }));
    } else {
        findings.iter().for_each(Finding::print);
        if failed == 0 {
            let warnings = if warned > 0 { format!(", {warned} warning(s)") } else { String::new() };
            say(format_args!("\nno problems found{warnings}"));
        }
    }
    match failed {
        0 => Ok(()),
        count => Err(Failed::plainly(format!("{count} problem(s) found"))),
    }
}
