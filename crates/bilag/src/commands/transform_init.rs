//! `bilag transform init`: a transform proposed from sample events.

use transform::init::{Certainty, Finding, Sample, propose};

use super::read;
use crate::cli::TransformInitArgs;
use crate::output::{Failed, say_bytes, tell};

/// Prints the proposal, and on stderr what a person is to do about it.
pub fn run(args: &TransformInitArgs) -> Result<(), Failed> {
    let samples = args.samples.iter().map(|file| {
        let message = serde_json::from_slice(&read(file)?);
        let message = message.map_err(|error| Failed::at(file.display(), format!("not JSON: {error}")))?;
        Ok(Sample { name: file.display().to_string(), message })
    });
    let samples: Vec<Sample> = samples.collect::<Result<_, Failed>>()?;
    let proposal = propose(&samples).map_err(Failed::plainly)?;
    say_bytes(proposal.text.as_bytes());
    list("Not found", &proposal.findings, Certainty::Missing);
    list("Check", &proposal.findings, Certainty::Check);
    tell("");
    for sample in &samples {
        match proposal.try_on(sample) {
            Ok(()) => tell(format_args!("{}: becomes a valid receipt", sample.name)),
            Err(error) => tell(format_args!("{}: {error}", sample.name)),
        }
    }
    Ok(())
}

fn list(title: &str, findings: &[Finding], certainty: Certainty) {
    let found: Vec<&Finding> = findings.iter().filter(|finding| finding.certainty == certainty).collect();
    if found.is_empty() {
        return;
    }
    tell("");
    tell(format_args!("{title}:"));
    let width = found.iter().map(|finding| finding.target.len()).max().unwrap_or_default();
    for Finding { target, source, why, .. } in found {
        match source {
            Some(source) => tell(format_args!("  {target:width$}  {source}  {why}")),
            None => tell(format_args!("  {target:width$}  {why}")),
        }
    }
}
