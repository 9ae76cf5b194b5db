//! `bilag topology`: what Bilag has at the broker.

use amqp::{Management, Topology};
use serde_json::json;

use crate::cli::{CheckArgs, TopologyArgs, TopologyCommand};
use crate::commands::topology_users;
use crate::output::{self, Failed, say};
use crate::{asyncapi, chain};

/// Declares, compares or prints.
pub async fn run(command: TopologyCommand) -> Result<(), Failed> {
    match command {
        TopologyCommand::Apply(args) => apply(&args).await,
        TopologyCommand::Check(args) => check(&args).await,
        TopologyCommand::Export(args) => {
            let vhost = args.broker.broker("topology")?.vhost();
            output::json(&amqp::definitions(&topology(&args), &vhost));
            Ok(())
        }
        TopologyCommand::Asyncapi(args) => print_asyncapi(&args),
        TopologyCommand::Users(args) => topology_users::run(&args, &topology(&args)),
    }
}

fn topology(args: &TopologyArgs) -> Topology {
    let chain = args.settings.0.chain();
    let stages = chain::named(&args.stages, &chain);
    chain::topology(&args.broker.bus_exchange, &args.broker.retry_delays, stages, &chain)
}

/// Of every stage that is named; `all` names those that are not in use as well.
fn print_asyncapi(args: &TopologyArgs) -> Result<(), Failed> {
    let chain = args.settings.0.chain();
    let stages = chain::named_in_any_case(&args.stages, &chain);
    let broker = &args.broker;
    let topology =
        chain::topology(&broker.bus_exchange, &broker.retry_delays, stages.iter().copied(), &chain);
    let vhost = broker.broker("topology")?.vhost().to_owned();
    let document = asyncapi::document(&topology, &vhost, &stages);
    if args.json {
        output::json(&document);
        return Ok(());
    }
    let yaml = serde_yaml_ng::to_string(&document);
    let yaml = yaml.map_err(|error| Failed::at("the document cannot be written", error))?;
    output::say_bytes(yaml.as_bytes());
    Ok(())
}

async fn apply(args: &TopologyArgs) -> Result<(), Failed> {
    let broker = args.broker.broker("topology")?;
    let topology = topology(args);
    amqp::apply(&broker, &topology).await.map_err(Failed::plainly)?;
    let queues = topology.queues();
    if args.json {
        let names: Vec<_> = queues.iter().map(|queue| &queue.name).collect();
        output::json(&json!({ "broker": broker.to_string(), "queues": names }));
    } else {
        say(format_args!("declared and bound {} queues at {broker}", queues.len()));
    }
    Ok(())
}

async fn check(CheckArgs { management_url, topology: args }: &CheckArgs) -> Result<(), Failed> {
    let broker = args.broker.broker("topology")?;
    let management = management_url.as_ref().map(|url| Management::new(url, &broker));
    let topology = topology(args);
    let differences = amqp::check(&broker, &topology, management.as_ref()).await.map_err(Failed::plainly)?;
    let alarm = amqp::alarm(&broker, &topology).await.map_err(Failed::plainly)?;
    if args.json {
        let list: Vec<_> =
            differences.iter().map(|found| json!({ "what": found.what, "problem": found.problem })).collect();
        output::json(&json!({ "broker": broker.to_string(), "alarm": alarm, "differences": list }));
    } else {
        differences.iter().for_each(say);
        if let Some(alarm) = &alarm {
            say(format_args!("the broker has an alarm and accepts no messages: {alarm}"));
        }
        if management.is_none() {
            say(
                "bindings and policies were not compared, because AMQP cannot list them: set BILAG_MANAGEMENT_URL",
            );
        }
    }
    match differences.len() {
        0 if alarm.is_some() => Err(Failed::plainly(format!("an alarm at {broker}"))),
        0 if args.json => Ok(()),
        0 => {
            say(format_args!("no differences at {broker}"));
            Ok(())
        }
        count => Err(Failed::plainly(format!("{count} difference(s) at {broker}"))),
    }
}
