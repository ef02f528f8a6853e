//! rtwire on the command line: `rtwire serve` opens an event stream and a WebSocket to a browser.
#![forbid(unsafe_code)]

mod page;
mod serve;
mod signal;
mod socket_io;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Real-time wire: event streams and WebSockets.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,
    /// What `serve` takes, for when no command is named.
    #[command(flatten)]
    serve: serve::Arguments,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve a page with a live event stream and a WebSocket echo (the default).
    Serve(serve::Arguments),
}

#[tokio::main]
async fn main() -> ExitCode {
    let CommandLine { command, serve } = CommandLine::parse();
    let arguments = match command {
        Some(Command::Serve(arguments)) => arguments,
        None => serve,
    };
    match serve::run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rtwire: {error:#}");
            ExitCode::FAILURE
        }
    }
}
