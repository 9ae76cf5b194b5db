//! What each stage works with: Omnium, the invoice service, the OMS, the ERP, the template.

use std::time::Duration;

use amqp::Exchange;
use consumer::{Seen, Stage};
use tokio::time::timeout;

use super::finding::Finding;
use crate::chain::named_in_any_case;
use crate::cli::DoctorArgs;

/// Longer than a client tries by itself.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Which stages are in use; the settings that switch others on are named.
pub fn in_use(stages: &[&Stage], chain: &[Stage], args: &DoctorArgs) -> Vec<Finding> {
    let names: Vec<_> = stages.iter().map(|stage| stage.name).collect();
    let mut findings = vec![Finding::ok("stages", names.join(", "))];
    findings.extend(named_in_any_case(&args.stages, chain).into_iter().filter_map(|stage| {
        let why = stage.disabled_reason?;
        Some(Finding::warn("stages", format_args!("{} is not in use", stage.name), why))
    }));
    findings
}

/// The transforms, and those that no message reaches: no stage in use that reads what they make is bound to their
/// key. A file with mistakes is refused before this.
pub fn transforms(stages: &[&Stage], chain: &[Stage], args: &DoctorArgs) -> Vec<Finding> {
    let Some(file) = &args.settings.0.transforms.transforms else { return Vec::new() };
    let transforms = file.current();
    let found = format!("{} in {}", transforms.entries().len(), file.path().display());
    let unreached = transforms.entries().iter().filter_map(|entry| {
        let stage = stages.iter().find(|stage| stage.made_by().contains(&entry.makes))?;
        let queue = stage.work_queue(chain);
        let mut keys = queue.bindings.iter().filter(|(exchange, _)| *exchange == Exchange::Bus);
        if keys.any(|(_, key)| entry.overlaps(key)) {
            return None;
        }
        let text =
            format!("no message reaches transform {}: {} is not bound to its key", entry.name, queue.name());
        let variable = format!("BILAG_{}_KEYS", stage.name.to_uppercase());
        Some(Finding::warn("transforms", text, format!("add the key to {variable}")))
    });
    [Finding::ok("transforms", found)].into_iter().chain(unreached).collect()
}

/// One look for each stage that is in use, all at the same time.
pub async fn look(stages: &[&Stage]) -> Vec<Finding> {
    let in_use = stages.iter().filter(|stage| stage.disabled_reason.is_none());
    let looks = in_use.map(|stage| async {
        let probe = match stage.look() {
            Ok(Some(probe)) => probe,
            Ok(None) => return None,
            Err(error) => return Some(Finding::failed(stage.name, &error)),
        };
        Some(match timeout(TIMEOUT, probe.look).await {
            Ok(Ok(Seen { found, warning })) => {
                let found = format_args!("{}: {found}", probe.what);
                match warning {
                    None => Finding::ok(stage.name, found),
                    Some(warning) => Finding::warn(stage.name, found, warning),
                }
            }
            Ok(Err(error)) => Finding::failed(stage.name, error.as_ref()),
            Err(_) => Finding::fail(
                stage.name,
                format_args!("{} did not answer within 60 s", probe.what),
                "check its URL and the network",
            ),
        })
    });
    let found = futures_util::future::join_all(looks).await;
    found.into_iter().flatten().collect()
}
