//! What operators are given refers to things that exist.
#![allow(clippy::unwrap_used, reason = "what is missing here is a failed test")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

fn rust_files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "node_modules") {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Names of the metrics that a text uses.
fn metrics(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words
        .filter(|word| word.starts_with("sotto_"))
        .map(|word| word.trim_end_matches("_bucket").to_owned())
        .collect()
}

#[test]
fn every_metric_of_rules_and_dashboard_is_registered_somewhere() {
    let mut files = Vec::new();
    rust_files(&root().join("crates"), &mut files);
    let sources: String = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let used = metrics(&(read("ops/prometheus/rules.yml") + &read("ops/grafana/sotto.json")));
    assert!(used.len() > 20, "{used:?}");
    for metric in used {
        // `sotto_<subsystem>_<name>`: registered whole, or by the name within the subsystem
        let name = metric.splitn(3, '_').nth(2).unwrap();
        let known = [&metric, name].iter().any(|text| sources.contains(&format!("\"{text}\"")));
        assert!(known, "{metric} is registered nowhere");
    }
}

#[test]
fn every_alert_has_a_runbook_entry() {
    let headings: BTreeSet<String> = read("ops/runbooks.md")
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
        .map(|heading| heading.to_lowercase().replace(' ', "-"))
        .collect();
    let rules = read("ops/prometheus/rules.yml");
    let links: Vec<&str> =
        rules.split("runbooks.md#").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(links.len() > 10);
    for link in links {
        assert!(headings.contains(link), "no entry {link}");
    }
}

#[test]
fn the_unit_waits_longer_than_the_process_does() {
    let unit = read("ops/systemd/sotto@.service");
    let stop = unit.lines().find_map(|line| line.strip_prefix("TimeoutStopSec=")).unwrap();
    assert!(stop.parse::<u32>().unwrap() > 20);
    assert!(unit.contains("RestartPreventExitStatus=3"));
}
