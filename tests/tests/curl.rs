//! `curl -N` at the event stream of `rtwire serve`.

use rtwire_tests::{Process, Server, foreign};

/// An event stream as curl prints it.
struct Curl(Process);

#[derive(Debug, PartialEq)]
struct Event {
    name: String,
    id: u64,
    data: String,
}

impl Curl {
    fn start(server: &Server, path: &str, arguments: &[&str]) -> Self {
        let url = server.url(path);
        let arguments = [&["--no-buffer", &url], arguments].concat();
        Self(Process::start(foreign::curl(&arguments)))
    }

    /// The next event. Lines with other fields and comments are passed over.
    fn event(&mut self) -> Event {
        let mut event = Event { name: String::new(), id: 0, data: String::new() };
        loop {
            let line = self.0.line();
            match line.split_once(": ") {
                Some(("event", name)) => event.name = name.to_owned(),
                Some(("id", id)) => event.id = id.parse().expect("ticks have numbers as ids"),
                Some(("data", data)) => event.data = data.to_owned(),
                _ if line.is_empty() && !event.name.is_empty() => return event,
                _ => {}
            }
        }
    }

    fn tick(&mut self) -> Event {
        let event = self.event();
        assert_eq!(event.name, "tick");
        event
    }
}

#[test]
#[ignore = "needs curl"]
fn curl_streams_ticks_with_ids() {
    let server = Server::rtwire();
    let mut curl = Curl::start(&server, "/events", &[]);
    let ticks = [curl.tick(), curl.tick(), curl.tick()];
    for pair in ticks.windows(2) {
        assert_eq!(pair[1].id, pair[0].id + 1);
        assert_ne!(pair[1].data, pair[0].data);
    }
}

#[test]
#[ignore = "needs curl"]
fn curl_resumes_after_the_last_event_id() {
    let server = Server::rtwire();
    let mut curl = Curl::start(&server, "/events", &[]);
    let first = curl.tick();
    let missed = [curl.tick(), curl.tick()];
    drop(curl);

    let field = format!("Last-Event-ID: {}", first.id);
    let mut resumed = Curl::start(&server, "/events", &["--header", &field]);
    assert_eq!([resumed.tick(), resumed.tick()], missed);
    assert_eq!(resumed.tick().id, first.id + 3);
}

#[test]
#[ignore = "needs curl"]
fn curl_posts_a_message_that_every_stream_hears() {
    let server = Server::rtwire();
    let mut streams = [(); 2].map(|()| Curl::start(&server, "/events", &[]));
    for stream in &mut streams {
        stream.tick();
    }
    let post = foreign::curl(&["--data-raw", "hello", &server.url("/events")]);
    Process::start(post).finish();
    for stream in &mut streams {
        let message = std::iter::repeat_with(|| stream.event()).find(|event| event.name != "tick");
        let message = message.expect("the iterator is endless");
        assert_eq!((&*message.name, &*message.data), ("message", "hello"));
    }
}

#[test]
#[ignore = "needs curl"]
fn curl_sees_a_stream_end_cleanly_when_the_server_shuts_down() {
    let mut server = Server::rtwire();
    let mut curl = Curl::start(&server, "/events", &[]);
    curl.tick();
    server.terminate();
    // It exits with 18 if a body is cut.
    curl.0.finish();
    server.finish();
}
