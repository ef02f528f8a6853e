//! `cargo xtask no-std`: builds `tests/no_std`, and sees that it can't be built with std.

use anyhow::{Context, Result, ensure};

use crate::command;
use crate::project::Project;

/// "Duplicate lang item": std's panic handler beside the proof's own.
const DUPLICATE_LANG_ITEM: &str = "error[E0152]";

pub(crate) fn run(project: &Project) -> Result<()> {
    let target = project.target_of("no-std");
    let arguments = ["build", "--locked", "--manifest-path", "tests/no_std/Cargo.toml"];
    command::run(project.cargo(&arguments).env("CARGO_TARGET_DIR", &target))?;

    let mut with_std = project.cargo(&arguments);
    with_std.args(["--features", "std"]).env("CARGO_TARGET_DIR", &target);
    let output = with_std.output().context("can't run cargo")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(
        !output.status.success() && errors.contains(DUPLICATE_LANG_ITEM),
        "the proof proves nothing: with std it should fail with E0152, and it gave\n{errors}"
    );
    eprintln!("no_std: the protocol crates build without std, and the proof fails with it");
    Ok(())
}
