//! Running programs, saying which.

use std::fmt::Write;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// Runs a command to its end; anything but success is an error that names it.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = line(command);
    eprintln!("> {line}");
    let status = command.status().with_context(|| format!("can't run `{line}`"))?;
    ensure!(status.success(), "`{line}` failed ({status})");
    Ok(())
}

/// As [`run`], and hands each line of its output to `see` when it has been printed.
pub(crate) fn run_and_see(command: &mut Command, mut see: impl FnMut(&str)) -> Result<()> {
    let line = line(command);
    eprintln!("> {line}");
    let mut child =
        command.stdout(Stdio::piped()).spawn().with_context(|| format!("can't run `{line}`"))?;
    let stdout = child.stdout.take().context("no stdout")?;
    for output in BufReader::new(stdout).lines() {
        let output = output.with_context(|| format!("the output of `{line}`"))?;
        println!("{output}");
        see(&output);
    }
    let status = child.wait()?;
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
