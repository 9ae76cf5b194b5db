//! What each stage works with: Omnium, the invoice service, the OMS, the ERP, the template.

use std::time::Duration;

use consumer::Seen;
use tokio::time::timeout;

use super::finding::Finding;
use crate::chain::CHAIN;
use crate::cli::{ALL, DoctorArgs};
use crate::link::Link;

/// Longer than a client tries by itself.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Which stages are in use; the settings that switch others on are named.
pub fn in_use(links: &[&'static Link], args: &DoctorArgs) -> Vec<Finding> {
    let names: Vec<_> = links.iter().map(|link| link.name).collect();
    let mut findings = vec![Finding::ok("stages", names.join(", "))];
    let asked = |link: &&Link| args.stages.iter().any(|name| name == ALL || name == link.name);
    findings.extend(CHAIN.iter().filter(asked).filter_map(|link| {
        let why = link.off(&args.settings.0)?;
        Some(Finding::warn("stages", format_args!("{} is not in use", link.name), why))
    }));
    findings
}

/// One look for each stage that is in use, all at the same time.
pub async fn look(links: &[&'static Link], args: &DoctorArgs) -> Vec<Finding> {
    let in_use = links.iter().filter(|link| link.off(&args.settings.0).is_none());
    let looks = in_use.map(|link| async {
        let probe = match link.probe(&args.settings.0) {
            Ok(Some(probe)) => probe,
            Ok(None) => return None,
            Err(error) => return Some(Finding::failed(link.name, &error)),
        };
        Some(match timeout(TIMEOUT, probe.look).await {
            Ok(Ok(Seen { told, doubt })) => {
                let told = format_args!("{}: {told}", probe.what);
                match doubt {
                    None => Finding::ok(link.name, told),
                    Some(doubt) => Finding::warn(link.name, told, doubt),
                }
            }
            Ok(Err(error)) => Finding::failed(link.name, error.as_ref()),
            Err(_) => Finding::fail(
                link.name,
                format_args!("{} did not answer within 60 s", probe.what),
                "check its URL and the network",
            ),
        })
    });
    let found = futures_util::future::join_all(looks).await;
    found.into_iter().flatten().collect()
}
