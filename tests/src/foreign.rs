//! Software written by others. `cargo xtask test` installs it and says where it is.

use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

/// A script of `tests/node`, run by Node.js.
pub fn node(script: &str, arguments: &[&str]) -> Command {
    run_script("RTWIRE_NODE", "node", script, arguments)
}

/// A script of `tests/node` that drives Chromium, run by Node.js.
pub fn chromium(script: &str, arguments: &[&str]) -> Command {
    let variable = "RTWIRE_CHROMIUM";
    let mut node = node(script, arguments);
    node.env(variable, find(variable));
    node
}

/// A script of `tests/python`, run by a Python that has the packages that it imports.
pub fn python(script: &str, arguments: &[&str]) -> Command {
    run_script("RTWIRE_PYTHON", "python", script, arguments)
}

/// A script of `tests/python`, run with the packages that an article was written for.
pub fn python_of_the_article(script: &str, arguments: &[&str]) -> Command {
    let mut python = python(script, arguments);
    python.env("PYTHONPATH", find("RTWIRE_PYTHON_ARTICLE"));
    python
}

/// curl, ignorant of its user's settings and proxies, and failing with an HTTP error.
pub fn curl(arguments: &[&str]) -> Command {
    let mut curl = Command::new(find("RTWIRE_CURL"));
    curl.args(["--disable", "--noproxy", "*", "--silent", "--show-error", "--fail"]);
    curl.args(arguments);
    curl
}

/// nginx.
pub fn nginx(arguments: &[&str]) -> Command {
    let mut nginx = Command::new(find("RTWIRE_NGINX"));
    nginx.args(arguments);
    nginx
}

/// The command-line tool of OpenSSL.
pub fn openssl(arguments: &[&str]) -> Command {
    let mut openssl = Command::new(find("RTWIRE_OPENSSL"));
    openssl.args(arguments);
    openssl
}

/// Has `command` run on the allocator jemalloc, which gives what is free back to the system within a second or two.
pub fn on_jemalloc(command: &mut Command) {
    let settings = "background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0,tcache:false";
    command.env("LD_PRELOAD", find("RTWIRE_JEMALLOC")).env("MALLOC_CONF", settings);
}

fn run_script(variable: &str, folder: &str, script: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(find(variable));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join(script);
    command.arg(script).args(arguments);
    command
}

fn find(variable: &str) -> OsString {
    env::var_os(variable).unwrap_or_else(|| {
        panic!("{variable} is not set: `cargo xtask test` installs what this test needs")
    })
}
