//! `bilag notify`: tries those who are notified.

use amqp::chain;
use chrono::Utc;
use notify::Message;
use uuid::Uuid;

use crate::cli::NotifyArgs;
use crate::output::{Failed, say, tell};

/// Sends each a test message.
pub async fn run(args: &NotifyArgs) -> Result<(), Failed> {
    let recipients = args.notify.recipients(args.tenants.tenants.as_ref());
    let recipients = recipients.map_err(Failed::plainly_used_wrongly)?;
    if recipients.is_empty() {
        return Err(Failed::plainly_used_wrongly(
            "nobody is notified: set BILAG_NOTIFY_WEBHOOK_URL, BILAG_NOTIFY_EMAIL_TO, or a tenant's `notify`",
        ));
    }
    let message = Message::new("test", "Test of Bilag's notifications", "bilag doctor dead");
    let mut failed = 0;
    for recipient in &recipients {
        match recipient.send(&message, &Uuid::new_v4().to_string(), Utc::now()).await {
            Ok(answer) => say(format_args!("{} {answer}", recipient.described())),
            Err(error) => {
                failed += 1;
                tell(format_args!("{}: {}", recipient.described(), chain(&error)));
            }
        }
    }
    match failed {
        0 => Ok(()),
        _ => Err(Failed::plainly(format!("{failed} of {} could not be notified", recipients.len()))),
    }
}
