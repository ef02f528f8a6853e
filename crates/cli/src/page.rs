//! The page at `/`: four embedded files, no build step.

use http::{HeaderValue, header};
use rtwire_server::{Content, Endpoints};

/// Nothing but what comes from this server itself runs, styles, or is talked to.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";

/// Adds the page and its files.
pub(crate) fn add_to(endpoints: Endpoints) -> Endpoints {
    let page = embedded("text/html; charset=utf-8", include_str!("page.html"))
        .header(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY))
        .header(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    endpoints
        .get("/", page)
        .get("/page.css", embedded("text/css; charset=utf-8", include_str!("page.css")))
        .get("/page.js", embedded("text/javascript; charset=utf-8", include_str!("page.js")))
        .get(
            "/socketio.js",
            embedded("text/javascript; charset=utf-8", include_str!("socketio.js")),
        )
}

fn embedded(content_type: &'static str, text: &'static str) -> Content {
    // A restarted server may be another version.
    Content::new(content_type, text)
        .header(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"))
}
