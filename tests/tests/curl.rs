//! `curl -N` at the event stream of `rtwire serve`.

use rtwire_tests::{Curl, Process, Server, foreign};

fn stream(server: &Server, path: &str, arguments: &[&str]) -> Curl {
    let url = server.url(path);
    Curl::start(foreign::curl(&[&[&*url], arguments].concat()))
}

#[test]
#[ignore = "needs curl"]
fn curl_streams_ticks_with_ids() {
    let server = Server::rtwire();
    let mut curl = stream(&server, "/events", &[]);
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
    let mut curl = stream(&server, "/events", &[]);
    let first = curl.tick();
    let missed = [curl.tick(), curl.tick()];
    drop(curl);

    let field = format!("Last-Event-ID: {}", first.id);
    let mut resumed = stream(&server, "/events", &["--header", &field]);
    assert_eq!([resumed.tick(), resumed.tick()], missed);
    assert_eq!(resumed.tick().id, first.id + 3);
}

#[test]
#[ignore = "needs curl"]
fn curl_posts_a_message_that_every_stream_hears() {
    let server = Server::rtwire();
    let mut streams = [(); 2].map(|()| stream(&server, "/events", &[]));
    for stream in &mut streams {
        stream.tick();
    }
    let post = foreign::curl(&["--data-raw", "hello", &server.url("/events")]);
    Process::start(post).finish();
    for stream in &mut streams {
        assert_eq!(stream.message(), "hello");
    }
}

#[test]
#[ignore = "needs curl"]
fn curl_sees_a_stream_end_cleanly_when_the_server_shuts_down() {
    let mut server = Server::rtwire();
    let mut curl = stream(&server, "/events", &[]);
    curl.tick();
    server.terminate();
    curl.finish();
    server.finish();
}

#[test]
#[ignore = "needs curl"]
fn curl_reads_compressed_answers_of_polling() {
    let server = Server::example("engineio_echo", &["--http-compression", "1024"]);
    let url = server.url("/engine.io/?EIO=4&transport=polling");
    let ask = |arguments: &[&str]| Process::start(foreign::curl(arguments));
    let mut handshake = ask(&[&url]);
    let open = handshake.line();
    handshake.finish();
    let url = format!("{url}&sid={}", open.split('"').nth(3).expect("a sid"));
    let text = format!("4{}", "x".repeat(100_000));
    for (encoding, coding) in [("gzip, deflate", "gzip"), ("deflate", "deflate")] {
        let mut post = ask(&["--data-binary", &text, "--header", "Content-Type: text/plain", &url]);
        assert_eq!(post.line(), "ok");
        post.finish();
        let accepts = format!("Accept-Encoding: {encoding}");
        let mut get = ask(&["--compressed", "--include", "--header", &accepts, &url]);
        let mut head = Vec::new();
        while let Some(line) = Some(get.line()).filter(|line| !line.is_empty()) {
            head.push(line);
        }
        assert!(head.contains(&format!("content-encoding: {coding}")), "{head:?}");
        assert!(head.contains(&"vary: Accept-Encoding".to_owned()), "{head:?}");
        assert_eq!(get.line(), text);
        get.finish();
    }
}
