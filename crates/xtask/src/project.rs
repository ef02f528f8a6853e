//! Where the project is, and where its builds go.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// The project's folders.
pub(crate) struct Project {
    root: PathBuf,
    target: Option<PathBuf>,
}

impl Project {
    pub(crate) fn find() -> Result<Self> {
        let package =
            env::var_os("CARGO_MANIFEST_DIR").context("run this as `cargo xtask`, by cargo")?;
        let root = Path::new(&package).ancestors().nth(2).context("xtask isn't in crates/")?;
        let target = env::var_os("CARGO_TARGET_DIR").map(|target| root.join(target));
        Ok(Self { root: root.to_path_buf(), target })
    }

    /// A file or folder by its path from the root.
    pub(crate) fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.root.join(relative)
    }

    /// The folder of what is built: `CARGO_TARGET_DIR`, or `target`.
    pub(crate) fn target(&self) -> PathBuf {
        self.target.clone().unwrap_or_else(|| self.path("target"))
    }

    /// The folder of builds that would only disturb the everyday ones, with other features or
    /// other flags: a folder of this name in the target folder.
    pub(crate) fn target_of(&self, name: &str) -> PathBuf {
        self.target().join(name)
    }

    /// This toolchain's cargo, in the root.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(arguments).current_dir(&self.root);
        command
    }
}
