use std::process::Command;

use crate::Process;

/// An event stream as curl prints it.
#[derive(Debug)]
pub struct Curl(Process);

/// An event of `rtwire serve`.
#[derive(Debug, PartialEq)]
pub struct Event {
    /// Its type.
    pub name: String,
    /// They grow by one.
    pub id: u64,
    /// The last line of it.
    pub data: String,
}

impl Curl {
    /// Starts a curl, with its arguments, that prints what it receives at once.
    pub fn start(mut curl: Command) -> Self {
        curl.arg("--no-buffer");
        Self(Process::start(curl))
    }

    /// The next event. Lines with other fields and comments are passed over.
    pub fn event(&mut self) -> Event {
        let mut event = Event { name: String::new(), id: 0, data: String::new() };
        loop {
            let line = self.0.line();
            match line.split_once(": ") {
                Some(("event", name)) => event.name = name.to_owned(),
                Some(("id", id)) => event.id = id.parse().expect("events have numbers as ids"),
                Some(("data", data)) => event.data = data.to_owned(),
                _ if line.is_empty() && !event.name.is_empty() => return event,
                _ => {}
            }
        }
    }

    /// The next event, which is a tick.
    pub fn tick(&mut self) -> Event {
        let event = self.event();
        assert_eq!(event.name, "tick");
        event
    }

    /// The data of the next event that is no tick.
    pub fn message(&mut self) -> String {
        loop {
            let event = self.event();
            if event.name != "tick" {
                assert_eq!(event.name, "message");
                return event.data;
            }
        }
    }

    /// Waits for the end of the stream, which must not be cut.
    pub fn finish(self) {
        // It exits with 18 if a body is cut.
        self.0.finish();
    }
}
