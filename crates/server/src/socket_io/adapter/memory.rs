use crate::socket_io::adapter::{
    Adapter, AdapterError, BoxFuture, Command, Members, Query, Replies,
};
use crate::socket_io::error::EmitError;

/// The adapter of a single node.
#[derive(Clone, Copy, Debug, Default)]
pub struct InMemoryAdapter;

impl Adapter for InMemoryAdapter {
    fn publish(&self, command: Command, members: &Members) -> Result<usize, EmitError> {
        match command {
            // There is no other node.
            Command::ServerSideEmit { .. } => Ok(0),
            command => members.apply(command),
        }
    }

    fn ask<'a>(&'a self, _: Query, _: &'a Members) -> BoxFuture<'a, Result<Replies, AdapterError>> {
        Box::pin(async { Ok(Replies::none()) })
    }

    fn node_count<'a>(&'a self, _: &'a Members) -> BoxFuture<'a, Result<usize, AdapterError>> {
        Box::pin(async { Ok(1) })
    }
}
