use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::error::Refusal;
use crate::limits::Limits;

/// Reads the whole body of a request, within its limits.
pub(crate) async fn read_body<B>(body: B, limits: &Limits) -> Result<Bytes, Refusal>
where
    B: http_body::Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    // A length that says so is believed before a byte is read, and before 100 (Continue).
    if body.size_hint().lower() > limits.max_body as u64 {
        return Err(Refusal::BodyTooLarge);
    }
    let collect = Limited::new(body, limits.max_body).collect();
    match tokio::time::timeout(limits.body_deadline, collect).await {
        Err(_) => Err(Refusal::BodyDeadline),
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Refusal::BodyTooLarge),
        Ok(Err(_)) => Err(Refusal::BodyCut),
    }
}
