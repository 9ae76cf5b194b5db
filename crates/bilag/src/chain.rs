//! The chain's stages: one line each, from which every queue, key and name derives.

use amqp::{Exchange, Stage, Topology};
use events::Target;

use crate::cli::StageName;
use crate::settings::BrokerSettings;

/// The work queue of the first stage, where stranded receipts are sent on again.
pub const RECEIPT_QUEUE: &str = "bilag.receipt";

/// The topology of the named stages.
pub fn topology(broker: &BrokerSettings, names: &[StageName]) -> Topology {
    let stages = stages(broker).into_iter();
    let stages = stages.filter(|(name, _)| names.contains(name) || names.contains(&StageName::All));
    Topology {
        bus: broker.bus_exchange.clone(),
        stages: stages.map(|(_, stage)| stage).collect(),
        delays: broker.retry_delays.clone(),
    }
}

/// Every stage with its name on the command line.
fn stages(broker: &BrokerSettings) -> Vec<(StageName, Stage)> {
    let from = |exchange, keys: &[String]| keys.iter().map(|key| (exchange, key.clone())).collect();
    let receipt = from(Exchange::Bus, &broker.receipt_keys);
    let render = from(Exchange::Events, &[consumer_receipt::EMITS.to_owned()]);
    let upload = from(Exchange::Events, &[consumer_render::routing_key(Target::Omnium)]);
    let mut stages = vec![
        (StageName::Receipt, Stage { name: "receipt", inputs: receipt }),
        (StageName::Render, Stage { name: "render", inputs: render }),
        (StageName::Upload, Stage { name: "upload", inputs: upload }),
    ];
    // Every stage by its name, not `#`: a letter about a dead letter must not come back to it.
    let dead = stages.iter().map(|(_, stage)| (Exchange::Dead, stage.name.to_owned())).collect();
    stages.push((StageName::Dead, Stage { name: "dead", inputs: dead }));
    stages
}
