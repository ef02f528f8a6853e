use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

/// Far longer than anything here takes, a browser's start on a busy machine included.
pub const LONG: Duration = Duration::from_secs(60);

/// A running program, killed if a test leaves it behind. Whatever goes wrong with it fails the
/// test, with what it said on stderr.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    lines: Receiver<String>,
    errors: Receiver<String>,
}

impl Process {
    /// Starts `command`.
    pub fn start(mut command: Command) -> Self {
        let name = format!("{command:?}");
        let streams = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = streams.spawn().unwrap_or_else(|error| panic!("{name}: {error}"));
        let lines = read_lines(child.stdout.take().expect("stdout is piped"));
        let errors = read_lines(child.stderr.take().expect("stderr is piped"));
        Self { name, child, lines, errors }
    }

    /// The next line on stdout.
    pub fn line(&mut self) -> String {
        self.line_within(LONG).unwrap_or_else(|| self.fail("says no more"))
    }

    /// Waits for a line that starts with `start`, and returns what follows it.
    pub fn line_after(&mut self, start: &str) -> String {
        let line = self.line();
        match line.strip_prefix(start) {
            Some(rest) => rest.trim_start().to_owned(),
            None => self.fail(&format!("says {line:?}, not {start:?}")),
        }
    }

    /// The next line on stdout, if it comes in time.
    pub fn line_within(&mut self, time: Duration) -> Option<String> {
        self.lines.recv_timeout(time).ok()
    }

    /// The memory that it has, where the system tells (Linux).
    pub fn resident_bytes(&self) -> Option<u64> {
        let rollup =
            std::fs::read_to_string(format!("/proc/{}/smaps_rollup", self.child.id())).ok()?;
        let line = rollup.lines().find_map(|line| line.strip_prefix("Rss:"))?;
        Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
    }

    /// The most memory that it has had, where the system tells (Linux).
    pub fn peak_resident_bytes(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
    }

    /// Sends SIGTERM.
    pub fn terminate(&mut self) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(sent.is_ok_and(|sent| sent.success()), "no SIGTERM for {}", self.name);
    }

    /// Waits for its end, which must be a successful one.
    pub fn finish(mut self) {
        let status = self.end();
        if !status.success() {
            self.fail(&format!("ended with {status}"));
        }
    }

    fn end(&mut self) -> ExitStatus {
        let until = Instant::now() + LONG;
        while Instant::now() < until {
            match self.child.try_wait() {
                Ok(None) => std::thread::sleep(Duration::from_millis(5)),
                Ok(Some(status)) => return status,
                Err(error) => self.fail(&format!("can't be waited for: {error}")),
            }
        }
        self.fail("goes on")
    }

    fn fail(&mut self, what: &str) -> ! {
        // It may be hanging, and then says nothing more.
        let mut errors = Vec::new();
        while let Ok(line) = self.errors.recv_timeout(Duration::from_millis(500)) {
            errors.push(line);
        }
        panic!("{} {what}\n{}", self.name, errors.join("\n"));
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended if it could not be killed.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn read_lines(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        // It ends with the process; when the test is over before that, nobody listens.
        BufReader::new(stream).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
    });
    lines
}
