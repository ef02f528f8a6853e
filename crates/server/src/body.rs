use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::sse::Sse;

/// The body of every response of the [`Endpoints`](crate::Endpoints): nothing, a text, or an
/// event stream.
#[derive(Debug)]
pub struct Body(Kind);

#[derive(Debug)]
enum Kind {
    Full(Bytes),
    /// What stands for an event stream in the answer to HEAD: never sent, and of no known length.
    Unsized,
    Events {
        sse: Sse,
        /// Held so that draining waits for the stream to end.
        _tracked: TaskTrackerToken,
    },
}

impl Body {
    pub(crate) fn empty() -> Self {
        Self(Kind::Full(Bytes::new()))
    }

    pub(crate) fn unsized_stream() -> Self {
        Self(Kind::Unsized)
    }

    pub(crate) fn events(sse: Sse, tracked: TaskTrackerToken) -> Self {
        Self(Kind::Events { sse, _tracked: tracked })
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(bytes: T) -> Self {
        Self(Kind::Full(bytes.into()))
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut self.0 {
            Kind::Full(bytes) if bytes.is_empty() => Poll::Ready(None),
            Kind::Full(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Kind::Unsized => Poll::Ready(None),
            Kind::Events { sse, .. } => Pin::new(sse).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Full(bytes) => bytes.is_empty(),
            Kind::Unsized => false,
            Kind::Events { sse, .. } => sse.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Unsized | Kind::Events { .. } => SizeHint::default(),
        }
    }
}
