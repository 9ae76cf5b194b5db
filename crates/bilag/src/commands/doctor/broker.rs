//! The broker: reached, let in, what its user may do, and what is declared there.

use amqp::{Broker, Depths, FoundRight, Management, Right, Topology, TopologyError};
use consumer::Stage;
use uuid::Uuid;

use super::finding::Finding;
use crate::chain;
use crate::cli::DoctorArgs;

const RIGHTS: &str = "give BILAG_AMQP_URL's user";

/// Everything at the broker that the stages need.
pub async fn look(broker: &Broker, stages: &[&Stage], chain: &[Stage], args: &DoctorArgs) -> Vec<Finding> {
    // Rights cannot be tried out where nothing is accepted.
    if let Ok(Some(alarm)) = amqp::alarm(broker, &of_stages(stages, chain, args)).await {
        let mut findings = vec![
            Finding::ok("broker", format_args!("{broker} accepts the connection")),
            Finding::fail(
                "broker",
                format_args!("has an alarm and accepts no messages: {alarm}"),
                "free memory or disk space on the broker's node; `rabbitmqctl status` shows its alarms",
            ),
        ];
        findings.extend(topology(broker, stages, chain, args).await);
        return findings;
    }
    if !args.queues.declare {
        return declared(broker, stages, chain, args).await;
    }
    let bus = &args.broker.bus_exchange;
    let rights = match amqp::rights(broker, bus, &Uuid::new_v4().to_string()).await {
        Ok(rights) => rights,
        Err(error) => {
            return vec![Finding::fail("broker", amqp::chain(&error), "check BILAG_AMQP_URL and the broker")];
        }
    };
    let mut findings = vec![Finding::ok("broker", format_args!("{broker} accepts the connection"))];
    let may_all = rights.iter().all(|right| matches!(right.found, FoundRight::Yes | FoundRight::NotTried));
    findings.extend(rights.into_iter().map(finding));
    if may_all {
        findings.extend(topology(broker, stages, chain, args).await);
    }
    findings
}

/// For consumers that declare nothing: whether all of it is there. Their users' rights are those of
/// `bilag topology users`, and too narrow to be tried out.
async fn declared(broker: &Broker, stages: &[&Stage], chain: &[Stage], args: &DoctorArgs) -> Vec<Finding> {
    let declared = of_stages(stages, chain, args);
    match amqp::is_declared(broker, &declared).await {
        Ok(()) => {
            let mut findings = vec![
                Finding::ok("broker", format_args!("{broker} accepts the connection")),
                Finding::ok(
                    "topology",
                    "the topology is declared; permissions were not checked (BILAG_DECLARE is false)",
                ),
            ];
            if args.management_url.is_some() {
                findings.extend(topology(broker, stages, chain, args).await);
            }
            findings
        }
        Err(TopologyError::Connect(error)) => {
            vec![Finding::fail("broker", amqp::chain(&error), "check BILAG_AMQP_URL and the broker")]
        }
        Err(error) => vec![
            Finding::ok("broker", format_args!("{broker} accepts the connection")),
            Finding::fail(
                "topology",
                amqp::chain(&error),
                "run `bilag topology apply` as the user that declares",
            ),
        ],
    }
}

fn of_stages(stages: &[&Stage], chain: &[Stage], args: &DoctorArgs) -> Topology {
    let (bus, delays) = (&args.broker.bus_exchange, &args.broker.retry_delays);
    chain::topology(bus, delays, stages.iter().copied(), chain)
}

fn finding(Right { what, found }: Right) -> Finding {
    match found {
        FoundRight::Yes => Finding::ok("rights", format_args!("may {what}")),
        FoundRight::Lacks(rights) => {
            Finding::fail("rights", format_args!("may not {what}"), format_args!("{RIGHTS} {rights}"))
        }
        FoundRight::NotThere => Finding::fail(
            "rights",
            format_args!("could not {what}: it does not exist"),
            "set BILAG_BUS_EXCHANGE to the exchange your events are published to",
        ),
        FoundRight::NotTried => Finding::warn(
            "rights",
            format_args!("not tried: {what}"),
            "its exchange or queue does not exist yet; run this again once it does",
        ),
        FoundRight::Failed(why) => {
            Finding::fail("rights", format_args!("could not {what}: {why}"), "see the broker's log")
        }
    }
}

/// What is declared. What is missing is declared by the consumers when they start; what is otherwise, a
/// person must mend.
async fn topology(broker: &Broker, stages: &[&Stage], chain: &[Stage], args: &DoctorArgs) -> Vec<Finding> {
    let management = args.management_url.as_ref().map(|url| Management::new(url, broker));
    let topology = of_stages(stages, chain, args);
    let differences = match amqp::check(broker, &topology, management.as_ref()).await {
        Ok(differences) => differences,
        Err(error) => return vec![Finding::failed("topology", &error)],
    };
    let (missing, other): (Vec<_>, Vec<_>) =
        differences.into_iter().partition(|difference| difference.problem.starts_with("missing"));
    let mut findings: Vec<_> = other
        .into_iter()
        .map(|difference| {
            Finding::fail("topology", difference, "`bilag topology check` lists all differences")
        })
        .collect();
    if !missing.is_empty() {
        let undeclared = format!("{} queue(s) and exchange(s) are not declared yet", missing.len());
        findings.push(Finding::warn(
            "topology",
            undeclared,
            "consumers declare them at startup; `bilag topology apply` declares them now",
        ));
    } else if findings.is_empty() {
        let how = match management {
            Some(_) => "with bindings and policies",
            None => "without bindings and policies: set BILAG_MANAGEMENT_URL to compare them",
        };
        findings.push(Finding::ok("topology", format_args!("matches, compared {how}")));
    }
    findings
}

/// Which of these stages have consumers at the broker now, and whether all of the stages are declared.
pub async fn consumers(broker: &Broker, stages: &[&Stage]) -> (Vec<&'static str>, bool) {
    let queues: Vec<_> = stages.iter().map(|stage| amqp::queue_name(stage.name)).collect();
    let depths = Depths::new(broker.clone());
    // What is wrong with the broker is found by itself.
    let found = depths.of(&queues).await.unwrap_or_default();
    depths.close().await;
    let consumed = |queue: &str| found.iter().any(|depth| depth.name == queue && depth.consumers > 0);
    let names = stages.iter().zip(&queues).filter(|(_, queue)| consumed(queue)).map(|(stage, _)| stage.name);
    (names.collect(), found.len() == queues.len())
}
