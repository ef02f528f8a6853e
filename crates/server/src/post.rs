use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::error::Refusal;

/// Reads the whole body of a request, of at most `max` bytes, within `deadline`.
pub(crate) async fn read_body<B>(body: B, max: usize, deadline: Duration) -> Result<Bytes, Refusal>
where
    B: http_body::Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    // A length that says so is believed before a byte is read, and before 100 (Continue).
    if body.size_hint().lower() > max as u64 {
        return Err(Refusal::BodyTooLarge);
    }
    let collect = Limited::new(body, max).collect();
    match tokio::time::timeout(deadline, collect).await {
        Err(_) => Err(Refusal::BodyDeadline),
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Refusal::BodyTooLarge),
        Ok(Err(_)) => Err(Refusal::BodyCut),
    }
}
