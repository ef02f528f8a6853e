use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use rtwire_socketio::PayloadError;

use crate::socket_io::adapter::{AdapterError, Members, Query, Reply};
use crate::socket_io::space::Space;

/// Other nodes were asked, and not all have answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError<T> {
    /// Some have not answered in time.
    #[error("{missing_nodes} of the other nodes did not answer in time")]
    Incomplete {
        /// What the others have answered.
        answers: Vec<T>,
        /// How many other nodes have not.
        missing_nodes: usize,
    },
    /// None could be asked.
    #[error(transparent)]
    Adapter(#[from] AdapterError),
    /// The question cannot be encoded, or an answer is not what was asked for.
    #[error(transparent)]
    Payload(#[from] PayloadError),
}

/// Adds to `answers` what each other node replies. Those that do not do so in time are missing.
pub(crate) async fn gather<T>(
    space: &Arc<Space>,
    query: Query,
    timeout: Duration,
    mut answers: Vec<T>,
    read: impl Fn(Reply) -> Result<Vec<T>, PayloadError>,
) -> Result<Vec<T>, ClusterError<T>> {
    let members = Members::of(space);
    let mut missing_nodes = None;
    let asking = async {
        let mut asked = space.adapter.ask(query, &members).await?;
        let missing = missing_nodes.insert(asked.nodes);
        while *missing > 0
            && let Some(reply) = asked.replies.next().await
        {
            *missing -= 1;
            answers.append(&mut read(reply)?);
        }
        Ok::<_, ClusterError<T>>(())
    };
    if let Ok(asked) = tokio::time::timeout(timeout, asking).await {
        asked?;
    }
    match missing_nodes {
        Some(0) => Ok(answers),
        Some(missing_nodes) => Err(ClusterError::Incomplete { answers, missing_nodes }),
        None => Err(AdapterError::new("the adapter is not ready in time").into()),
    }
}
