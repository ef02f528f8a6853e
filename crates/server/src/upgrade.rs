//! From the opening handshake (RFC 6455 §4.2) to a WebSocket on its transport.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Response, Version, header};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use rtwire_websocket::{Connection, Role, handshake};

use crate::body::Body;
use crate::connection::into_tcp;
use crate::context::{ConnectionContext, UpgradeSlot};
use crate::transport::Transport;
use crate::websocket_handler::WebSocketTask;
use crate::websocket_options::WebSocketOptions;
use crate::write_deadline::WriteDeadline;

/// Whether a request is an opening handshake, rather than one for the page on the same path.
pub(crate) fn is_asked_for(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::UPGRADE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|token| token.trim().eq_ignore_ascii_case("websocket"))
}

/// The answer to an opening handshake, with the first subprotocol that is offered.
pub(crate) fn accept<B>(
    request: &http::Request<B>,
    options: &WebSocketOptions,
) -> Result<(handshake::Response, Option<Arc<str>>), handshake::Error> {
    let version = match request.version() {
        Version::HTTP_10 => (1, 0),
        Version::HTTP_11 => (1, 1),
        // RFC 8441's extended CONNECT is another handshake; this one is not for HTTP/2.
        _ => (2, 0),
    };
    let headers = request.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let target = request.uri().to_string();
    let method = request.method().as_str();
    let request = handshake::Request::from_parts(method, &target, version, headers)?;
    let any = request.protocols().next().filter(|_| options.any_protocol).map(Arc::from);
    let chosen = options.protocols.iter().cloned().chain(any).find_map(|protocol| {
        let answer = request.accept_protocol(&protocol).ok()?;
        Some((answer, Some(protocol)))
    });
    let (answer, protocol) = chosen.unwrap_or_else(|| (request.accept(), None));
    let answer = match options.compression {
        Some(config) => answer.with_deflate(&request, config)?,
        None => answer,
    };
    Ok((answer, protocol))
}

/// An answer of the handshake, for hyper to write.
pub(crate) fn response(answer: &handshake::Response) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    // Both were checked when the answer was made.
    if let Ok(status) = http::StatusCode::from_u16(answer.status()) {
        *response.status_mut() = status;
    }
    for (name, value) in answer.headers() {
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value))
        {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// What comes of an answer that accepts.
pub(crate) fn connection(
    answer: &handshake::Response,
    limits: Arc<rtwire_websocket::Limits>,
) -> Connection {
    Connection::new(Role::Server, limits).with_deflate(answer.deflate())
}

/// Has `then` go on with the WebSocket after the 101: in the `slot`, or in a task when another
/// server has the connection. `then` is dropped if the connection ends before; what it returns is
/// run.
pub(crate) fn begin(
    on_upgrade: OnUpgrade,
    connection: Connection,
    context: ConnectionContext,
    slot: Option<UpgradeSlot>,
    then: impl FnOnce(rtwire_tokio::WebSocket<Transport>, ConnectionContext) -> Option<WebSocketTask>
    + Send
    + 'static,
) {
    let tracker = context.shared.tracker.clone();
    let begin = async move {
        let upgraded = tokio::select! {
            upgraded = on_upgrade => upgraded,
            () = context.shared.shutdown.cancelled() => return None,
        };
        match upgraded {
            Ok(upgraded) => {
                then(socket(upgraded, connection, context.shared.limits.write_deadline), context)
            }
            Err(error) => {
                let peer = context.peer;
                tracing::debug!(?peer, %error, "the connection ended during its upgrade");
                None
            }
        }
    };
    match slot {
        Some(slot) => slot.put(Box::pin(begin)),
        None => drop(tracker.clone().spawn(async move {
            if let Some(task) = begin.await {
                tracker.spawn(task);
            }
        })),
    }
}

fn socket(
    upgraded: Upgraded,
    connection: Connection,
    write_deadline: Duration,
) -> rtwire_tokio::WebSocket<Transport> {
    let (transport, read_ahead) = match into_tcp(upgraded) {
        Ok((tcp, read_ahead)) => {
            (Transport::Tcp(WriteDeadline::new(tcp, write_deadline)), read_ahead)
        }
        Err(upgraded) => {
            (Transport::Upgraded(Box::new(TokioIo::new(upgraded))), Default::default())
        }
    };
    rtwire_tokio::WebSocket::from_connection(transport, connection, &read_ahead)
}
