//! Peers in Node.js: the package that one is made of may be missing.

use std::path::{Path, PathBuf, absolute};
use std::process::{Command, Stdio};

/// The folder of packages, if it has `package` and there is a Node to run it; or says that the peer `name` is
/// left out, and why.
#[must_use]
pub fn packages(modules: Option<&Path>, package: &str, name: &str) -> Option<PathBuf> {
    let modules = modules.filter(|modules| modules.join(package).is_dir());
    // Node takes no other.
    let modules = modules.and_then(|modules| absolute(modules).ok());
    let node = Command::new("node").arg("--version").stdout(Stdio::null()).status();
    let missing = match (modules, node) {
        (Some(modules), Ok(_)) => return Some(modules),
        (_, Err(error)) => format!("can't run `node`: {error}"),
        (None, Ok(_)) => format!("its folder of packages has no `{package}`"),
    };
    println!("{name} is left out: {missing}\n");
    None
}
