//! Programs that the tasks need: found, or installed.

use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::command;
use crate::project::Project;

/// The program called `name`, from Debian's `package` if it isn't there and we are root.
pub(crate) fn program(name: &str, package: &str) -> Result<PathBuf> {
    if let Some(found) = find(name) {
        return Ok(found);
    }
    install(package)?;
    installed(name, package)
}

/// The shared library called `name`, from Debian's `package` if it isn't there and we are root.
pub(crate) fn library(name: &str, package: &str) -> Result<PathBuf> {
    if let Some(found) = find_library(name) {
        return Ok(found);
    }
    install(package)?;
    find_library(name).with_context(|| missing(name, package))
}

/// The program called `name`, which is left to others to install, from Debian's `package`.
pub(crate) fn installed(name: &str, package: &str) -> Result<PathBuf> {
    find(name).with_context(|| missing(name, package))
}

fn missing(name: &str, package: &str) -> String {
    format!("`{name}` is missing: install it (Debian's package is `{package}`) and try again")
}

/// Installs a package of Debian's, on Debian and if we are root.
fn install(package: &str) -> Result<()> {
    if !is_root() || find("apt-get").is_none() {
        return Ok(());
    }
    command::run(Command::new("apt-get").arg("update"))?;
    command::run(
        Command::new("apt-get")
            .args(["install", "-y", "--no-install-recommends", package])
            .env("DEBIAN_FRONTEND", "noninteractive"),
    )
}

/// The cargo subcommand `name`, installed from its crate `cargo-NAME` if it isn't there.
pub(crate) fn cargo_subcommand(project: &Project, name: &str) -> Result<()> {
    let program = format!("cargo-{name}");
    let mut ask = project.cargo(&[name, "--version"]);
    let status = ask.stdout(Stdio::null()).stderr(Stdio::null()).status();
    if status.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    command::run(&mut project.cargo(&["install", "--locked", &program]))
}

fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    // Where Debian has servers, and which only root has in the path.
    let folders = env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    folders.map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// Where Debian has libraries: a folder for each architecture.
fn find_library(name: &str) -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").ok()?.flatten().map(|folder| folder.path());
    folders.map(|folder| folder.join(name)).find(|library| library.is_file())
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
