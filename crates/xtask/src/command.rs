//! Running programs, saying which.

use std::fmt::Write;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Runs a command to its end; anything but success is an error that names it.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = line(command);
    eprintln!("> {line}");
    let status = command.status().with_context(|| format!("can't run `{line}`"))?;
    ensure!(status.success(), "`{line}` failed ({status})");
    Ok(())
}

fn line(command: &Command) -> String {
    let mut line = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        // Writing to a String can't fail.
        let _ = write!(line, " {}", argument.to_string_lossy());
    }
    line
}
