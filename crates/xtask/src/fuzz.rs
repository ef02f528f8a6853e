//! `cargo xtask fuzz`: cargo-fuzz on the stable toolchain.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::project::Project;
use crate::{command, tools};

#[derive(Args)]
pub(crate) struct Options {
    /// One of `fuzz/fuzz_targets`; each of them if left out.
    target: Option<String>,
    /// How long to fuzz each target.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

pub(crate) fn run(project: &Project, options: &Options) -> Result<()> {
    tools::cargo_subcommand(project, "fuzz")?;
    let targets = targets(project)?;
    match &options.target {
        Some(target) => {
            ensure!(targets.contains(target), "no target `{target}`, only {}", targets.join(", "));
            fuzz(project, target, options.seconds)
        }
        None => targets.iter().try_for_each(|target| fuzz(project, target, options.seconds)),
    }
}

fn targets(project: &Project) -> Result<Vec<String>> {
    let folder = project.path("fuzz/fuzz_targets");
    let mut targets = Vec::new();
    for file in fs::read_dir(&folder).context("no fuzz/fuzz_targets")? {
        let path = file?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.file_stem().context("a target without a name")?;
            targets.push(name.to_string_lossy().into_owned());
        }
    }
    ensure!(!targets.is_empty(), "fuzz/fuzz_targets is empty");
    targets.sort();
    Ok(targets)
}

fn fuzz(project: &Project, target: &str, seconds: u64) -> Result<()> {
    let build = project.target_of("fuzz");
    // What libFuzzer finds goes to the first corpus; the committed seeds are only read.
    let found = build.join("corpus").join(target);
    fs::create_dir_all(&found)?;
    let seeds = project.path("fuzz/corpus").join(target);
    ensure!(seeds.is_dir(), "{} is missing: a target has seeds", seeds.display());
    let dictionary = dictionary(project, target)?;
    let mut run = project.cargo(&["fuzz", "run", target]);
    run.args([&found, &seeds])
        .arg("--")
        .arg(format!("-dict={}", dictionary.display()))
        .arg(format!("-max_total_time={seconds}"))
        .env("CARGO_TARGET_DIR", &build)
        // Sanitizers and coverage are unstable flags, which the stable compiler takes with this.
        .env("RUSTC_BOOTSTRAP", "1");
    command::run(&mut run)
}

/// A target's own dictionary, or that of its protocol, which is the first word of its name.
fn dictionary(project: &Project, target: &str) -> Result<PathBuf> {
    let folder = project.path("fuzz/dictionaries");
    let protocol = target.split('_').next().unwrap_or(target);
    [target, protocol]
        .map(|name| folder.join(format!("{name}.dict")))
        .into_iter()
        .find(|dictionary| dictionary.is_file())
        .with_context(|| format!("no dictionary for {target} in {}", folder.display()))
}
