//! The table of foreign software: which client, over which transport, was seen to do what. It is made
//! from the tests that passed, and README's is the same.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::project::Project;

/// A protocol in `tests/clients.json`.
#[derive(Deserialize)]
struct Protocol {
    protocol: String,
    features: Vec<String>,
    clients: Vec<Client>,
}

#[derive(Deserialize)]
struct Client {
    client: String,
    /// Each test runs over each of these.
    over: Vec<String>,
    /// Tests by features.
    shows: HashMap<String, Vec<String>>,
}

const BEGIN: &str = "<!-- clients -->\n";
const END: &str = "<!-- end of clients -->";

/// Prints the table of what `passed` shows, and sees that README has it.
pub(crate) fn report(project: &Project, passed: &HashSet<String>) -> Result<()> {
    let file = fs::read_to_string(project.path("tests/clients.json"))?;
    let protocols: Vec<Protocol> = serde_json::from_str(&file).context("tests/clients.json")?;
    let table = table(&protocols, passed)?;
    println!("{table}");

    let readme = fs::read_to_string(project.path("README.md"))?;
    let after = readme.split_once(BEGIN).map(|(_, after)| after);
    let in_readme = after.and_then(|after| after.split_once(END)).map(|(table, _)| table);
    ensure!(
        in_readme == Some(&*table),
        "README.md has another table of clients than the one above"
    );
    Ok(())
}

fn table(protocols: &[Protocol], passed: &HashSet<String>) -> Result<String> {
    let mut table = String::new();
    for Protocol { protocol, features, clients } in protocols {
        writeln!(table, "| {protocol} | over | {} |", features.join(" | "))?;
        writeln!(table, "|---|---|{}", ":-:|".repeat(features.len()))?;
        for Client { client, over, shows } in clients {
            for feature in shows.keys() {
                ensure!(
                    features.contains(feature),
                    "{client}: no feature `{feature}` in {protocol}"
                );
            }
            write!(table, "| {client} | {} |", over.join(", "))?;
            for feature in features {
                let tests = shows.get(feature).map(Vec::as_slice).unwrap_or_default();
                for test in tests {
                    ensure!(passed.contains(test), "{client}: no test `{test}` has passed");
                }
                write!(table, " {} |", if tests.is_empty() { "" } else { "✓" })?;
            }
            writeln!(table)?;
        }
        writeln!(table)?;
    }
    Ok(table)
}
