//! Debian's Chromium, driven by playwright-core, at `rtwire serve`.

use rtwire_tests::{Process, Server, foreign, programs};

#[test]
#[ignore = "needs Node and Chromium"]
fn chromium_page_is_live_and_reconnects_after_a_restart() {
    let mut server = Server::rtwire();
    let address = server.address().to_string();
    let mut page = Process::start(foreign::chromium("chromium_page.mjs", &[&server.url("/")]));
    page.line_after("live");
    server.terminate();
    server.finish();
    page.line_after("down");
    let _again = Server::rtwire_with(&["--addr", &address]);
    page.finish();
}

#[test]
#[ignore = "needs Node and Chromium"]
fn chromium_page_of_a_foreign_origin_is_refused_unless_allowed() {
    let (foreign_page, refuses) = (Server::rtwire(), Server::rtwire());
    let origin = foreign_page.url("");
    let allows = Server::rtwire_with(&["--addr", "127.0.0.1:0", "--allow-origin", &origin]);
    let (refuses, allows) = (refuses.address().to_string(), allows.address().to_string());
    // rtwire's own page would forbid it already, by its Content-Security-Policy.
    let page = foreign_page.url("/livez");
    Process::start(foreign::chromium("chromium_origin.mjs", &[&page, &refuses, &allows])).finish();
}

#[test]
#[ignore = "needs Node and Chromium"]
fn chromium_event_source_loses_and_doubles_nothing_when_it_resumes() {
    let server = Server::rtwire();
    let (host, port) = (server.address().ip().to_string(), server.address().port().to_string());
    Process::start(foreign::chromium("chromium_resume.mjs", &[&host, &port])).finish();
}

#[test]
#[ignore = "needs Node and Chromium"]
fn chromium_websocket_echoes_1_mib_and_closes_with_codes_of_both_sides() {
    let mut server = Server::rtwire();
    let mut page = Process::start(foreign::chromium("chromium_websocket.mjs", &[&server.url("/")]));
    page.line_after("open");
    server.terminate();
    page.finish();
    server.finish();
}

#[test]
#[ignore = "needs Node and Chromium"]
fn chromium_compresses_as_it_was_agreed() {
    for options in [&["--deflate"][..], &["--deflate", "--no-context-takeover"]] {
        let server = Server::example("echo", options);
        let url = server.websocket_url("/");
        Process::start(foreign::chromium("chromium_compression.mjs", &[&url])).finish();
    }
}

#[test]
#[ignore = "needs Node and Chromium"]
fn chromium_page_is_accessible_on_a_phone_and_on_a_desk_by_day_and_by_night() {
    let server = Server::rtwire();
    Process::start(foreign::chromium("chromium_look.mjs", &[&server.url("/")])).finish();
}

#[test]
#[ignore = "needs Node and Chromium"]
fn chromium_runs_the_articles_snippets_as_they_are_written() {
    let page = Server::rtwire();
    // The page is one of another origin to this server, which is allowed as an operator would do it.
    let options = ["--addr", "127.0.0.1:0", "--allow-origin", "http://localhost:3000"];
    let socket = Server::rtwire_with(&options);
    let addresses = [page.address().to_string(), socket.address().to_string()];
    let arguments = addresses.each_ref().map(String::as_str);
    Process::start(foreign::chromium("chromium_article.mjs", &arguments)).finish();
}

#[test]
#[ignore = "needs Node and Chromium"]
fn chromium_with_our_own_socketio_client_talks_over_each_transport() {
    let server = Server::rtwire();
    Process::start(foreign::chromium("chromium_socketio.mjs", &[&server.url("/")])).finish();
}

#[test]
#[ignore = "needs Node and Chromium"]
fn chromium_gets_npm_socketio_client_from_the_server_that_it_talks_to() {
    let name = "socket.io.min.js";
    let file =
        format!("{}/node/node_modules/socket.io-client/dist/{name}", env!("CARGO_MANIFEST_DIR"));
    let server = Server::rtwire_with(&["--addr", "127.0.0.1:0", "--socket-io-client", &file]);
    let arguments = [server.url("/"), name.to_owned()];
    let arguments = arguments.each_ref().map(String::as_str);
    Process::start(foreign::chromium("chromium_bundle.mjs", &arguments)).finish();
}

/// Of a page of another origin, over each transport of a browser.
fn socket_io(client: &str, options: &[&str]) {
    let page = Server::rtwire();
    let server = Server::example("socketio_client_suite", options);
    let arguments = [&page.url("/livez"), &server.url(""), client];
    Process::start(foreign::chromium("chromium_socketio_client.mjs", &arguments)).finish();
}

#[test]
#[ignore = "needs Node and Chromium"]
fn chromium_npm_socketio_client_talks_over_each_transport() {
    socket_io("4", &[]);
}

#[test]
#[ignore = "needs Node and Chromium"]
fn chromium_npm_socketio_client_with_messagepack_talks_over_each_transport() {
    socket_io("msgpack", &["--parser", "msgpack"]);
}

#[test]
#[ignore = "needs Node and Chromium"]
fn chromium_npm_socketio_client_2_talks_over_each_transport_and_jsonp() {
    socket_io("2", &["--eio3"]);
}

#[test]
#[ignore = "needs Node and Chromium"]
fn chromium_dashboard_moves_and_goes_on_after_a_restart_and_says_what_was_lost() {
    let server = Server::example("dashboard", &[]);
    let port = server.address().port().to_string();
    let page = foreign::chromium("chromium_dashboard.mjs", &[&server.url("/")]);
    let mut page = Process::start(page);
    page.line_after("live");
    drop(server);
    page.line_after("down");
    let mut again = programs::example("dashboard");
    again.args(["--port", &port]);
    let _again = Server::start(again);
    page.finish();
}

/// In a page of another origin, over each transport of a browser; and of an origin that is not allowed.
fn engine_io(version: &str, compression: &str) {
    // The same page has another origin by another name.
    let page = Server::rtwire();
    let origin = page.url("");
    let mut options = vec!["--eio3", "--ping-interval", "300", "--allow-origin", &origin];
    if compression == "compressed" {
        options.extend(["--deflate", "--http-compression", "1024"]);
    }
    let server = Server::example("engineio_echo", &options);
    let arguments = [&page.url("/livez"), &server.url(""), version, compression];
    Process::start(foreign::chromium("chromium_engineio.mjs", &arguments)).finish();
}

#[test]
#[ignore = "needs Node and Chromium"]
fn chromium_engineio_talks_over_each_transport() {
    engine_io("4", "plain");
}

#[test]
#[ignore = "needs Node and Chromium"]
fn chromium_engineio_3_talks_over_each_transport_and_jsonp() {
    engine_io("3", "plain");
}

#[test]
#[ignore = "needs Node and Chromium"]
fn chromium_engineio_talks_over_each_transport_compressed() {
    engine_io("4", "compressed");
}

#[test]
#[ignore = "needs Node and Chromium"]
fn chromium_engineio_3_talks_over_each_transport_and_jsonp_compressed() {
    engine_io("3", "compressed");
}
