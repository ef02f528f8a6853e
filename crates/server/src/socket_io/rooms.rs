use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytestring::ByteString;

use crate::socket_io::error::JoinError;
use crate::socket_io::socket::Socket;

/// The sockets of a namespace that are connected here, and the rooms that they are in. Each is in
/// the room of its own id as well, which is kept nowhere.
#[derive(Default)]
pub(crate) struct Rooms {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    sockets: HashMap<ByteString, Member>,
    rooms: HashMap<ByteString, HashSet<ByteString>>,
}

struct Member {
    socket: Socket,
    rooms: BTreeSet<ByteString>,
}

impl Rooms {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, socket: &Socket) {
        let member = Member { socket: socket.clone(), rooms: BTreeSet::new() };
        self.lock().sockets.insert(socket.id().clone(), member);
    }

    pub(crate) fn remove(&self, id: &ByteString) {
        let mut state = self.lock();
        let member = state.sockets.remove(id);
        for room in member.iter().flat_map(|member| &member.rooms) {
            state.forget(room, id);
        }
        shrink(&mut state.sockets);
        drop(state);
        // What the socket carries is dropped after the lock.
        drop(member);
    }

    pub(crate) fn join(&self, id: &ByteString, room: &str, max: usize) -> Result<(), JoinError> {
        let mut state = self.lock();
        let member = state.sockets.get_mut(id).ok_or(JoinError::Disconnected)?;
        if **id == *room || member.rooms.contains(room) {
            return Ok(());
        }
        if member.rooms.len() >= max {
            return Err(JoinError::TooManyRooms);
        }
        let room = ByteString::from(room);
        member.rooms.insert(room.clone());
        state.rooms.entry(room).or_default().insert(id.clone());
        Ok(())
    }

    pub(crate) fn leave(&self, id: &ByteString, room: &str) {
        let mut state = self.lock();
        if let Some(member) = state.sockets.get_mut(id)
            && member.rooms.remove(room)
        {
            state.forget(room, id);
        }
    }

    /// The rooms of a socket, its own first.
    pub(crate) fn of(&self, id: &ByteString) -> Vec<ByteString> {
        let state = self.lock();
        let member = state.sockets.get(id);
        let own = member.map(|_| id.clone());
        own.into_iter().chain(member.into_iter().flat_map(|m| m.rooms.iter().cloned())).collect()
    }

    /// Who is in any of `rooms` (in the namespace, if there are none) and in none of `except`.
    pub(crate) fn members(&self, rooms: &[ByteString], except: &[ByteString]) -> Vec<Socket> {
        let state = self.lock();
        let is_excepted = |id: &ByteString, member: &Member| {
            except.iter().any(|room| room == id || member.rooms.contains(room))
        };
        let wanted = |(id, member): (&ByteString, &Member)| {
            (!is_excepted(id, member)).then(|| member.socket.clone())
        };
        match rooms {
            [] => state.sockets.iter().filter_map(wanted).collect(),
            [room] => state.ids_in(room).filter_map(|id| wanted(state.member(id)?)).collect(),
            rooms => {
                let ids: HashSet<_> = rooms.iter().flat_map(|room| state.ids_in(room)).collect();
                ids.into_iter().filter_map(|id| wanted(state.member(id)?)).collect()
            }
        }
    }
}

/// Below this a table is not worth shrinking.
const CROWD: usize = 1024;

/// A crowd that has gone gives back its room: who goes through a table passes the empty places too.
fn shrink<T>(table: &mut HashMap<ByteString, T>) {
    if table.capacity() > CROWD && table.len() < table.capacity() / 4 {
        table.shrink_to(table.len() * 2);
    }
}

impl State {
    fn forget(&mut self, room: &str, id: &ByteString) {
        if let Some(ids) = self.rooms.get_mut(room) {
            ids.remove(id);
            if ids.is_empty() {
                self.rooms.remove(room);
                shrink(&mut self.rooms);
            } else if ids.capacity() > CROWD && ids.len() < ids.capacity() / 4 {
                ids.shrink_to(ids.len() * 2);
            }
        }
    }

    fn member(&self, id: &ByteString) -> Option<(&ByteString, &Member)> {
        self.sockets.get_key_value(id)
    }

    /// A room, or the socket of that id.
    fn ids_in<'a>(&'a self, room: &'a ByteString) -> impl Iterator<Item = &'a ByteString> {
        let ids = self.rooms.get(room);
        // Somebody may have joined a room that is named like a socket.
        let own = self.member(room).map(|(id, _)| id);
        let own = own.filter(|id| !ids.is_some_and(|ids| ids.contains(*id)));
        ids.into_iter().flatten().chain(own)
    }
}
