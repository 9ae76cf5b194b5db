//! `bilag notify`: tries the webhook that is notified.

use chrono::Utc;
use notify::Message;
use uuid::Uuid;

use crate::cli::NotifyArgs;
use crate::output::{Failed, say};

/// Sends a test message.
pub async fn run(args: &NotifyArgs) -> Result<(), Failed> {
    let webhook = args.notify.webhook_needed().map_err(Failed::plainly_used_wrongly)?;
    let message = Message::new("test", "Test of Bilag's notifications", "bilag doctor dead");
    let status = webhook.post(&message, &Uuid::new_v4().to_string(), Utc::now()).await;
    say(format_args!("the notification webhook answered {}", status.map_err(Failed::plainly)?));
    Ok(())
}
