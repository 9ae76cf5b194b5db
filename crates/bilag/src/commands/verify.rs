//! `bilag sync verify`: compares the records with Omnium.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::NaiveDate;
use consumer::SettingError;
use consumer_upload::Omniums;
use omnium::Allowance;
use permits::Permits;
use report::verify::{Ended, Findings, Plan, verify};
use serde_json::json;
use sync_store::{Key, Period, SyncStore};
use tenants::Tenant;

use crate::cli::VerifyArgs;
use crate::output::{self, Failed, say, tell};

/// Between progress messages: a terminal is watched, a log is read later.
const ON_A_TERMINAL: Duration = Duration::from_secs(2);
const IN_A_LOG: Duration = Duration::from_secs(60);

/// Compares, and lists differences.
pub async fn run(args: VerifyArgs) -> Result<(), Failed> {
    let (from, to) = (args.from.unwrap_or(NaiveDate::MIN), args.to.unwrap_or(NaiveDate::MAX));
    if from > to {
        return Err(Failed::used_wrongly("--from", format!("{from} is after --to {to}")));
    }
    let store = args.store.open().await?;
    let permits = Permits::new(store.clone());
    let allowance: Arc<dyn Allowance> = permits.clone();
    let omniums = omniums(&args, &allowance).map_err(Failed::plainly_used_wrongly)?;
    report::fill(store.as_ref(), &args.tenants.zones(), |_| ()).await.map_err(Failed::plainly)?;
    let after = match &args.after {
        Some(text) => Some(after(store.as_ref(), text).await?),
        None => None,
    };
    let plan = Plan { period: period(from, to), tenant: args.tenant.clone(), after, per_second: args.rate };
    let every = if std::io::stderr().is_terminal() { ON_A_TERMINAL } else { IN_A_LOG };
    let mut reported_at = Instant::now();
    let progress = |findings: &Findings| {
        if reported_at.elapsed() >= every {
            reported_at = Instant::now();
            tell(how_far(findings));
        }
    };
    let stop = async {
        // Without signals it runs to its end.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let findings = verify(store.as_ref(), &|tenant| omniums.of(tenant).cloned(), plan, stop, progress).await;
    permits.give_back().await;
    let pruned = store.pruned_in(period(from, to), args.tenant.as_deref()).await.map_err(Failed::plainly)?;
    match args.json {
        true => {
            let mut value = to_json(&findings);
            value["pruned"] = pruned.into();
            output::json(&value);
        }
        false => {
            print(&findings);
            if pruned > 0 {
                say(format_args!("{pruned} receipt(s) of the period are pruned and were not compared"));
            }
        }
    }
    conclude(findings)
}

/// Omnium for every tenant that has an API user, its own or the installation's.
fn omniums(args: &VerifyArgs, allowance: &Arc<dyn Allowance>) -> Result<Omniums, SettingError> {
    let has_user = |tenant: &Tenant| tenant.credentials.is_some() || args.omnium.has_credentials();
    args.omnium.omniums(args.tenants.tenants.as_ref(), has_user, "to compare with Omnium", allowance)
}

/// The store writes years in four digits.
fn period(from: NaiveDate, to: NaiveDate) -> Period {
    let first = NaiveDate::from_ymd_opt(1, 1, 1).expect("a day");
    let last = NaiveDate::from_ymd_opt(9999, 12, 31).expect("a day");
    Period { from: from.max(first), to: to.min(last) }
}

/// The receipt that an earlier run ended with. Tenants may have a slash in their uid.
async fn after(store: &dyn SyncStore, text: &str) -> Result<(NaiveDate, Key), Failed> {
    for (slash, _) in text.match_indices('/') {
        let key = Key::new(&text[..slash], &text[slash + 1..]);
        if let Some(day) = store.settled_on(&key).await.map_err(Failed::plainly)? {
            return Ok((day, key));
        }
    }
    let store = store.describe();
    Err(Failed::used_wrongly(
        "--after",
        format!("no receipt {text} in {store}: use TENANT/RECEIPT, as it was printed"),
    ))
}

fn how_far(findings: &Findings) -> String {
    let last = findings.last.as_ref().map_or_else(String::new, |key| format!(", the last one {key}"));
    format!("{} receipt(s) compared, {} difference(s){last}", findings.looked_at, findings.differences.len())
}

fn print(findings: &Findings) {
    for found in &findings.differences {
        say(format_args!("{} (voucher {}): {}", found.key, found.voucher_number, found.difference));
        say(format_args!("    {}", found.difference.what_to_do()));
    }
    for uncompared in &findings.not_compared {
        let (key, voucher) = (&uncompared.key, &uncompared.voucher_number);
        say(format_args!("{key} (voucher {voucher}): could not be compared: {}", uncompared.what));
    }
    let (differ, not_compared) = (findings.differences.len(), findings.not_compared.len());
    let uncompared =
        if not_compared > 0 { format!(", {not_compared} could not be compared") } else { String::new() };
    say(format_args!(
        "{} receipt(s) compared with Omnium: {differ} difference(s){uncompared}",
        findings.looked_at
    ));
}

fn to_json(findings: &Findings) -> serde_json::Value {
    let about = |key: &Key, voucher: &str| json!({ "tenant": key.tenant_uid, "receipt": key.receipt_uid, "voucherNumber": voucher });
    let differences: Vec<_> = findings
        .differences
        .iter()
        .map(|found| {
            let mut value = about(&found.key, &found.voucher_number);
            value["difference"] = found.difference.code().into();
            value["told"] = found.difference.to_string().into();
            value["whatToDo"] = found.difference.what_to_do().into();
            value
        })
        .collect();
    let not_compared: Vec<_> = findings
        .not_compared
        .iter()
        .map(|uncompared| {
            let mut value = about(&uncompared.key, &uncompared.voucher_number);
            value["notCompared"] = uncompared.what.code().into();
            value["told"] = uncompared.what.to_string().into();
            value
        })
        .collect();
    json!({
        "lookedAt": findings.looked_at,
        "differences": differences,
        "notCompared": not_compared,
        "toTheEnd": matches!(findings.ended, Some(Ended::AtTheEnd)),
        "last": findings.last.as_ref().map(ToString::to_string),
    })
}

/// Exit code 1 if anything differs, or the end was not reached; 3 if something could not be compared, and all else
/// agrees.
fn conclude(findings: Findings) -> Result<(), Failed> {
    let go_on = match &findings.last {
        Some(key) => format!("continue with --after {key}"),
        None => "nothing was compared yet".to_owned(),
    };
    match findings.ended {
        Some(Ended::Stopped) => Err(Failed::plainly(format!("interrupted; {go_on}"))),
        Some(Ended::OmniumAway(error)) => {
            Err(Failed::at(format_args!("aborted; {go_on} once Omnium answers again"), error))
        }
        Some(Ended::StoreAway(error)) => {
            Err(Failed::at(format_args!("aborted; {go_on} once the store answers again"), error))
        }
        Some(Ended::AtTheEnd) | None => {
            let (differ, unknown) = (findings.differences.len(), findings.receipts_not_compared());
            match (differ, unknown) {
                (0, 0) => Ok(()),
                (0, unknown) => {
                    Err(Failed::inconclusive(format!("{unknown} receipt(s) could not be compared")))
                }
                (differ, 0) => {
                    Err(Failed::plainly(format!("{differ} difference(s) between Omnium and the records")))
                }
                (differ, unknown) => Err(Failed::plainly(format!(
                    "{differ} difference(s) between Omnium and the records, and {unknown} receipt(s) could not be compared"
                ))),
            }
        }
    }
}
