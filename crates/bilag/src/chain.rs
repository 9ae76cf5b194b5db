//! The chain: one line for each consumer, from which every queue, setting, name and remedy derives.

use std::collections::HashMap;

use amqp::{Delay, Stage, Topology};
use consumer_dead::DeadConsumer;
use consumer_erp::ErpConsumer;
use consumer_packed::PackedConsumer;
use consumer_receipt::ReceiptConsumer;
use consumer_render::RenderConsumer;
use consumer_upload::UploadConsumer;
use consumer_writeback::WritebackConsumer;

use crate::cli::ALL;
use crate::link::{Link, StageSettings};

/// Every consumer, in the order in which a receipt meets them.
pub static CHAIN: [Link; 7] = [
    Link::of::<PackedConsumer>(),
    Link::of::<ReceiptConsumer>(),
    Link::of::<RenderConsumer>(),
    Link::of::<UploadConsumer>(),
    Link::of::<WritebackConsumer>(),
    Link::of::<ErpConsumer>(),
    Link::of::<DeadConsumer>(),
];

/// The consumers that are named; `all` names those that are in use.
pub fn named(names: &[String], settings: &StageSettings) -> Vec<&'static Link> {
    let is_named = |name: &str| names.iter().any(|named| named == name);
    let is_wanted = |link: &&Link| is_named(link.name) || (is_named(ALL) && link.off(settings).is_none());
    CHAIN.iter().filter(is_wanted).collect()
}

/// Every stage, as operators know it.
pub fn stages() -> Vec<operate::Stage> {
    CHAIN.iter().map(Link::stage).collect()
}

/// Why stages are not in use, by their names, for those that are not.
pub fn off(settings: &StageSettings) -> HashMap<&'static str, &'static str> {
    CHAIN.iter().filter_map(|link| Some((link.name, link.off(settings)?))).collect()
}

/// The topology of some consumers.
pub fn topology<'a>(
    bus: &str,
    delays: &[Delay],
    links: impl IntoIterator<Item = &'a Link>,
    settings: &StageSettings,
) -> Topology {
    let stage = |link: &Link| Stage { name: link.name, inputs: link.hears(settings) };
    Topology { bus: bus.to_owned(), stages: links.into_iter().map(stage).collect(), delays: delays.to_vec() }
}
