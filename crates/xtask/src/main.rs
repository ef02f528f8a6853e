//! The project's own tasks, run as `cargo xtask TASK`.

mod bench;
mod clients;
mod command;
mod fuzz;
mod no_std;
mod project;
mod test;
mod tools;

use clap::{Parser, Subcommand};

use crate::project::Project;

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "The project's own tasks")]
struct Options {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Installs the software that the tests talk to, and runs every test.
    Test,
    /// Runs all 517 of Autobahn's cases on the server and on the client; `test` leaves out 180 of compression.
    Autobahn,
    /// Measures rtwire beside other implementations.
    Bench(bench::Options),
    /// Fuzzes one target, or each.
    Fuzz(fuzz::Options),
    /// Proves that the protocol crates need no standard library.
    NoStd,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let project = Project::find()?;
    match options.task {
        Task::Test => test::run(&project),
        Task::Autobahn => test::autobahn(&project),
        Task::Bench(options) => bench::run(&project, &options),
        Task::Fuzz(options) => fuzz::run(&project, &options),
        Task::NoStd => no_std::run(&project),
    }
}
