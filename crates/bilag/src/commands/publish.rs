//! `bilag publish`: puts events on the bus as their source would.

use std::path::Path;

use amqp::{Outgoing, PublishError, Publisher, chain};
use events::{Named, ReceiptSettledType};

use crate::cli::PublishArgs;
use crate::output::{Failed, say, tell};

/// Publishes each file, confirmed; goes on after one that fails.
pub async fn run(args: PublishArgs) -> Result<(), Failed> {
    let broker = args.broker.broker_to_publish("publish")?;
    let publisher = Publisher::connect(&broker).await.map_err(Failed::plainly)?;
    let mut failures = 0;
    for file in &args.files {
        let body = super::read(file)?;
        let event = outgoing(&args, file, body);
        match publisher.publish(&event).await {
            Ok(()) => {
                say(format_args!("{}: published with key {}", file.display(), event.routing_key));
            }
            Err(error) => {
                failures += 1;
                let (file, why) = (file.display(), chain(&error));
                tell(format_args!("{file}: not published: {why}{}", advice(&error)));
            }
        }
    }
    publisher.close().await;
    match failures {
        0 => Ok(()),
        count => Err(Failed::plainly(format!("{count} of {} events were not published", args.files.len()))),
    }
}

/// The body as it is, be it ever so broken; key, id and type are read from it where they can be.
fn outgoing(args: &PublishArgs, file: &Path, body: Vec<u8>) -> Outgoing {
    let Named { kind, id } = events::named(&body).unwrap_or_default();
    let key = args.key.as_deref().or(kind.as_deref()).unwrap_or(ReceiptSettledType::NAME);
    Outgoing {
        exchange: args.broker.bus_exchange.clone(),
        routing_key: key.to_owned(),
        message_id: id.unwrap_or_else(|| file.display().to_string()),
        kind: kind.unwrap_or_default(),
        body: body.into(),
        subject: None,
    }
}

pub(super) fn advice(error: &PublishError) -> &'static str {
    match error {
        PublishError::Unroutable { .. } => {
            "; run `bilag topology apply`, or check BILAG_RECEIPT_KEYS and BILAG_PACKED_KEYS"
        }
        PublishError::NoExchange { .. } => "; set BILAG_BUS_EXCHANGE to your bus",
        _ => "",
    }
}
