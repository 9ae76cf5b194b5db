//! Comparing the topology with the broker's, without changing anything there.

use std::fmt;

use crate::connection::management::{BindingInfo, Management, ManagementError, QueueInfo};
use crate::connection::{Link, reply_code};
use crate::topology::Queue;
use crate::topology::bus;
use crate::topology::declare::{self, declare_exchange, declare_queue};
use crate::topology::export::arguments;
use crate::{Broker, Topology, TopologyError};

/// One way in which the broker's topology is not ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The exchange or queue.
    pub what: String,
    /// What is different, and what to do.
    pub problem: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.problem)
    }
}

/// Why nothing could be compared.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The broker.
    #[error(transparent)]
    Broker(#[from] TopologyError),
    /// Its management API.
    #[error(transparent)]
    Management(#[from] ManagementError),
}

/// Names each difference. Over AMQP alone it compares existence and arguments; with the management
/// API bindings and the policies of others as well.
pub async fn check(
    broker: &Broker,
    topology: &Topology,
    management: Option<&Management>,
) -> Result<Vec<Difference>, CheckError> {
    match management {
        Some(management) => match by_management(topology, management).await {
            // The broker tells more plainly what is wrong with the login or the vhost.
            Err(error @ (ManagementError::Refused { .. } | ManagementError::NoVhost { .. })) => {
                match broker.connect("topology check").await {
                    Err(refused) if refused.is_configuration() => Err(TopologyError::from(refused).into()),
                    _ => Err(error.into()),
                }
            }
            compared => Ok(compared?),
        },
        None => Ok(by_amqp(broker, topology).await?),
    }
}

fn difference(what: impl Into<String>, problem: impl Into<String>) -> Difference {
    Difference { what: what.into(), problem: problem.into() }
}

fn missing(what: String) -> Difference {
    difference(what, "missing; `bilag topology apply` declares it")
}

fn no_bus(bus: &str) -> Difference {
    difference(
        format!("exchange {bus}"),
        "missing; it is the bus, declared by its owner, not by Bilag: set BILAG_BUS_EXCHANGE",
    )
}

fn bus_difference(topology: &Topology, kind: &str) -> Option<Difference> {
    let fault = bus::fault(kind, topology.bus_keys())?;
    Some(difference(format!("exchange {}", topology.bus), fault))
}

async fn by_management(
    topology: &Topology,
    management: &Management,
) -> Result<Vec<Difference>, ManagementError> {
    let (exchanges, queues, bindings) =
        tokio::try_join!(management.exchanges(), management.queues(), management.bindings())?;
    let mut found = Vec::new();
    for (name, kind) in topology.exchanges() {
        let what = format!("exchange {name}");
        match exchanges.iter().find(|exchange| exchange.name == name) {
            None => found.push(missing(what)),
            Some(is) if is.kind != kind || !is.durable => {
                let durable = if is.durable { "durable" } else { "transient" };
                found.push(difference(
                    what,
                    format!("is {durable} {}, should be durable {kind}; delete it and apply again", is.kind),
                ));
            }
            Some(_) => {}
        }
    }
    match exchanges.iter().find(|exchange| exchange.name == topology.bus) {
        None => found.push(no_bus(&topology.bus)),
        Some(bus) => found.extend(bus_difference(topology, &bus.kind)),
    }
    for queue in topology.queues() {
        match queues.iter().find(|is| is.name == queue.name) {
            None => found.push(missing(format!("queue {}", queue.name))),
            Some(is) => {
                found.extend(argument_differences(&queue, is));
                found.extend(policy_differences(is));
                found.extend(binding_differences(&queue, &bindings));
            }
        }
    }
    Ok(found)
}

fn argument_differences(queue: &Queue, is: &QueueInfo) -> Vec<Difference> {
    let should = arguments(&queue.arguments);
    let what = format!("queue {}", queue.name);
    let advice = "; empty it, delete it and apply again";
    let wrong =
        should.iter().filter(|(name, value)| is.arguments.get(*name) != Some(value)).map(|(name, value)| {
            match is.arguments.get(name) {
                Some(present) => {
                    difference(&what, format!("argument {name} is {present}, should be {value}{advice}"))
                }
                None => difference(&what, format!("argument {name} is missing, should be {value}{advice}")),
            }
        });
    let more = is.arguments.iter().filter(|(name, _)| !should.contains_key(*name)).map(|(name, value)| {
        difference(&what, format!("argument {name} is {value}, should not be set{advice}"))
    });
    wrong.chain(more).collect()
}

/// Keys by which somebody's policy would drop, expire or redirect our messages.
const HARMFUL: [&str; 8] = [
    "message-ttl",
    "expires",
    "max-length",
    "max-length-bytes",
    "overflow",
    "delivery-limit",
    "dead-letter-exchange",
    "dead-letter-routing-key",
];

fn policy_differences(is: &QueueInfo) -> Vec<Difference> {
    let policy = is.policy.as_deref().unwrap_or("(operator policy)");
    let Some(definition) = is.effective_policy_definition.as_ref().and_then(|value| value.as_object()) else {
        return Vec::new();
    };
    let harmful = definition.iter().filter(|(key, _)| HARMFUL.contains(&key.as_str()));
    harmful
        .map(|(key, value)| {
            difference(
                format!("queue {}", is.name),
                format!(
                    "policy \"{policy}\" sets {key} to {value}; narrow its pattern so that it spares ^bilag"
                ),
            )
        })
        .collect()
}

fn binding_differences(queue: &Queue, bindings: &[BindingInfo]) -> Vec<Difference> {
    let what = format!("queue {}", queue.name);
    let is: Vec<_> = bindings
        .iter()
        .filter(|binding| binding.destination == queue.name && !binding.source.is_empty())
        .map(|binding| (binding.source.clone(), binding.routing_key.clone()))
        .collect();
    let lacking = queue.bindings.iter().filter(|binding| !is.contains(binding)).map(|(exchange, key)| {
        difference(&what, format!("not bound to {exchange} with {key}; `bilag topology apply` binds it"))
    });
    let more = is.iter().filter(|binding| !queue.bindings.contains(binding)).map(|(exchange, key)| {
        difference(&what, format!("bound to {exchange} with {key}, which is none of ours; unbind it"))
    });
    lacking.chain(more).collect()
}

async fn by_amqp(broker: &Broker, topology: &Topology) -> Result<Vec<Difference>, TopologyError> {
    let link = broker.connect("topology check").await?;
    let mut found = Vec::new();
    for (name, kind) in topology.exchanges() {
        let what = format!("exchange {name}");
        match exists(&link, name, true).await? {
            false => found.push(missing(what)),
            true => {
                let channel = channel(&link).await?;
                found.extend(unequal(what, declare_exchange(&channel, name, kind).await)?);
            }
        }
    }
    match exists(&link, &topology.bus, true).await? {
        false => found.push(no_bus(&topology.bus)),
        true => {
            let failed = |source| TopologyError::Failed { what: topology.bus.clone(), source };
            let kind = bus::kind(&link, &topology.bus).await.map_err(failed)?;
            found.extend(kind.and_then(|kind| bus_difference(topology, &kind)));
        }
    }
    for queue in topology.queues() {
        let what = format!("queue {}", queue.name);
        match exists(&link, &queue.name, false).await? {
            false => found.push(missing(what)),
            true => {
                let channel = channel(&link).await?;
                found.extend(unequal(what, declare_queue(&channel, &queue).await)?);
            }
        }
    }
    link.close().await;
    Ok(found)
}

/// What the broker says when something that exists is declared otherwise. It names the first
/// difference only.
fn unequal(what: String, declared: lapin::Result<()>) -> Result<Option<Difference>, TopologyError> {
    match declared {
        Ok(()) => Ok(None),
        Err(error) if reply_code(&error) == Some(406) => Ok(Some(difference(what, error.to_string()))),
        Err(source) => Err(TopologyError::Failed { what, source }),
    }
}

async fn exists(link: &Link, name: &str, exchange: bool) -> Result<bool, TopologyError> {
    let failed = |source| TopologyError::Failed { what: name.to_owned(), source };
    declare::exists(link, name, exchange).await.map_err(failed)
}

async fn channel(link: &Link) -> Result<lapin::Channel, TopologyError> {
    let failed = |source| TopologyError::Failed { what: "a channel".to_owned(), source };
    link.connection.create_channel().await.map_err(failed)
}
