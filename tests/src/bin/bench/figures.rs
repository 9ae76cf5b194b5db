//! What was measured, on which machine and at which commit, and how it compares with what was measured before.
//!
//! Times differ from machine to machine, ratios hardly: only these are compared, each with those of the same profile.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use serde_json::{Value, json};

/// How this was compiled. What was not optimized is measured as well: it takes no build of its own after the tests.
const PROFILE: &str = if cfg!(debug_assertions) { "dev" } else { "release" };

/// The figures that runs are compared with. Of several runs they have the lowest ratios.
const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/figures.json");

/// What a ratio may lose: less is noise.
const MAY_LOSE: f64 = 1.0 / 3.0;

/// The figures of one run.
#[derive(Default)]
pub struct Figures {
    /// With their units.
    values: BTreeMap<String, f64>,
    /// Of things measured side by side; higher is better.
    ratios: BTreeMap<String, f64>,
}

impl Figures {
    /// Notes a figure, named with its unit.
    pub fn value(&mut self, name: impl Into<String>, value: f64) {
        self.values.insert(name.into(), rounded(value));
    }

    /// Notes a ratio, of which higher is better.
    pub fn ratio(&mut self, name: impl Into<String>, ratio: f64) {
        self.ratios.insert(name.into(), rounded(ratio));
    }

    /// Writes them to `figures.json` beside the executable, and says where.
    pub fn write(&self) {
        let executable = std::env::current_exe().expect("this binary has a path");
        let path = executable.with_file_name("figures.json");
        let figures = json!({
            PROFILE: {
                "commit": said_by("git", &["describe", "--always", "--dirty"]),
                "machine": machine(),
                "ratios": self.ratios,
                "values": self.values,
            },
        });
        let text = serde_json::to_string_pretty(&figures).expect("JSON");
        fs::write(&path, text + "\n").expect("the file is written");
        println!("\nfigures         {}", path.display());
    }

    /// The ratios that fell by a third or more since those in the repository.
    pub fn fallen(&self) -> Vec<String> {
        let text = fs::read_to_string(KEPT).expect("the figures of the repository");
        let before: Value = serde_json::from_str(&text).expect("JSON");
        let before = &before[PROFILE]["ratios"];
        self.fallen_since(&serde_json::from_value(before.clone()).expect("numbers by name"))
    }

    fn fallen_since(&self, before: &BTreeMap<String, f64>) -> Vec<String> {
        let fallen = self.ratios.iter().filter_map(|(name, now)| match before.get(name) {
            Some(was) if *now > was * (1.0 - MAY_LOSE) => None,
            Some(was) => Some(format!("{name}: {now}, and it was {was}")),
            None => Some(format!("{name}: {now}, and it is not there")),
        });
        fallen.collect()
    }
}

/// To three significant digits: more would be noise.
fn rounded(value: f64) -> f64 {
    format!("{value:.2e}").parse().expect("a number")
}

fn machine() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let count = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{count} cores of {}", model.map_or("an unknown processor", |(_, model)| model))
}

fn said_by(program: &str, arguments: &[&str]) -> String {
    let said = Command::new(program).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    said.map(|said| String::from_utf8_lossy(&said.stdout).trim().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratio_that_lost_a_third_has_fallen() {
        let before = BTreeMap::from([("chain".to_owned(), 0.3), ("render".to_owned(), 3.0)]);
        let mut now = Figures::default();
        now.ratio("chain", 0.21);
        now.ratio("render", 1.99);
        now.ratio("new", 0.1);
        let fallen = ["new: 0.1, and it is not there", "render: 1.99, and it was 3"];
        assert_eq!(now.fallen_since(&before), fallen);
    }
}
