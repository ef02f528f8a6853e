//! `cargo xtask test`: every test, also those that need software written by others.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::project::Project;
use crate::{clients, command, no_std, tools};

pub(crate) fn run(project: &Project) -> Result<()> {
    let chromium = tools::program("chromium", "chromium")?;
    let node = tools::program("node", "nodejs")?;
    let curl = tools::program("curl", "curl")?;
    let nginx = nginx()?;
    let jemalloc = tools::library("libjemalloc.so.2", "libjemalloc2")?;
    let openssl = tools::program("openssl", "openssl")?;
    node_modules(project)?;
    let python = python(project)?;
    let article = article_packages(project, &python)?;
    command::run(&mut project.cargo(&["build", "--workspace", "--bins", "--examples"]))?;
    let mut passed = HashSet::new();
    command::run_and_see(
        project
            .cargo(&["test", "--workspace", "--no-fail-fast", "--", "--include-ignored"])
            .env("RTWIRE_CHROMIUM", chromium)
            .env("RTWIRE_CURL", curl)
            .env("RTWIRE_JEMALLOC", jemalloc)
            .env("RTWIRE_NGINX", nginx)
            .env("RTWIRE_NODE", node)
            .env("RTWIRE_OPENSSL", openssl)
            .env("RTWIRE_PYTHON", python)
            .env("RTWIRE_PYTHON_ARTICLE", article),
        |line| {
            let test = line.strip_prefix("test ").and_then(|test| test.strip_suffix(" ... ok"));
            passed.extend(test.map(str::to_owned));
        },
    )?;
    no_std::run(project)?;
    clients::report(project, &passed)
}

/// Every case of Autobahn, in both roles.
pub(crate) fn autobahn(project: &Project) -> Result<()> {
    let python = python(project)?;
    let build = ["build", "--release", "--workspace", "--bins", "--examples"];
    command::run(&mut project.cargo(&build))?;
    let test = ["test", "--release", "--package", "rtwire-tests", "--test", "autobahn"];
    command::run(
        project
            .cargo(&test)
            .args(["--", "--include-ignored", "--test-threads", "1"])
            .env("RTWIRE_AUTOBAHN_ALL", "yes")
            .env("RTWIRE_PYTHON", python),
    )
}

/// nginx. Debian's package starts a server on port 80, and again with the machine, if there is an
/// init that it can tell to: it is not for us to install it there.
fn nginx() -> Result<PathBuf> {
    let (name, package) = ("nginx", "nginx");
    let systemd = Path::new("/run/systemd/system");
    if systemd.is_dir() { tools::installed(name, package) } else { tools::program(name, package) }
}

/// Installs the packages of `tests/node/package-lock.json` beside it.
fn node_modules(project: &Project) -> Result<()> {
    let folder = project.path("tests/node");
    let modules = folder.join("node_modules");
    let lock = fs::read(folder.join("package-lock.json"))?;
    let installed = modules.join(".rtwire-package-lock.json");
    if fs::read(&installed).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    let npm = tools::program("npm", "npm")?;
    command::run(
        Command::new(npm).args(["ci", "--ignore-scripts", "--engine-strict"]).current_dir(&folder),
    )?;
    fs::write(&installed, lock)?;
    Ok(())
}

/// A Python with the packages of `tests/python/requirements.txt`.
fn python(project: &Project) -> Result<PathBuf> {
    let venv = project.target_of("venv");
    let python = venv.join("bin/python");
    let requirements = project.path("tests/python/requirements.txt");
    let wanted = fs::read(&requirements)?;
    let installed = venv.join("rtwire-requirements.txt");
    if python.is_file() && fs::read(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    let system = tools::program("python3", "python3")?;
    command::run(Command::new(system).args(["-m", "venv", "--clear"]).arg(&venv))
        .context("python3 can't make a virtual environment (Debian's package is `python3-venv`)")?;
    command::run(pip_install(&python).arg("--requirement").arg(&requirements))?;
    fs::write(&installed, wanted)?;
    Ok(python)
}

/// A folder with the packages that an article of some years ago was written for.
fn article_packages(project: &Project, python: &Path) -> Result<PathBuf> {
    let folder = project.target_of("venv-article");
    let requirements = project.path("tests/python/requirements-article.txt");
    let wanted = fs::read(&requirements)?;
    let installed = folder.join("rtwire-requirements.txt");
    if !fs::read(&installed).is_ok_and(|installed| installed == wanted) {
        let mut install = pip_install(python);
        install.args(["--upgrade", "--target"]).arg(&folder);
        command::run(install.arg("--requirement").arg(&requirements))?;
        fs::write(&installed, wanted)?;
    }
    Ok(folder)
}

fn pip_install(python: &Path) -> Command {
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    pip
}
