use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytestring::ByteString;

use crate::socket_io::error::JoinError;
use crate::socket_io::server::Rules;
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

/// What a socket has left.
pub(crate) struct Removed {
    /// The rooms that it was in, but for its own.
    pub(crate) rooms: BTreeSet<ByteString>,
    /// Those of them that nobody is in any more.
    pub(crate) closed: Vec<ByteString>,
}

impl Rooms {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, socket: &Socket, rooms: BTreeSet<ByteString>) {
        let id = socket.id();
        let mut state = self.lock();
        for room in &rooms {
            state.rooms.entry(room.clone()).or_default().insert(id.clone());
        }
        let member = Member { socket: socket.clone(), rooms };
        state.sockets.insert(id.clone(), member);
    }

    /// Takes a socket out of all its rooms. `None` if it is in none, not even its own.
    pub(crate) fn remove(&self, socket: &Socket) -> Option<Removed> {
        let id = socket.id();
        let mut state = self.lock();
        state.member_of(socket)?;
        let member = state.sockets.remove(id)?;
        let closed = member.rooms.iter().filter(|room| state.forget(room, id)).cloned().collect();
        shrink(&mut state.sockets);
        Some(Removed { rooms: member.rooms, closed })
    }

    /// True if the room is new.
    pub(crate) fn join(
        &self,
        socket: &Socket,
        room: &str,
        rules: &Rules,
    ) -> Result<bool, JoinError> {
        let id = socket.id();
        let mut state = self.lock();
        let member = state.member_of(socket).ok_or(JoinError::Disconnected)?;
        let Some(room) = add_room(&mut member.rooms, id, room, rules)? else { return Ok(false) };
        let ids = state.rooms.entry(room).or_default();
        ids.insert(id.clone());
        Ok(ids.len() == 1)
    }

    /// True if the room is gone.
    pub(crate) fn leave(&self, socket: &Socket, room: &str) -> bool {
        let mut state = self.lock();
        let member = state.member_of(socket);
        member.is_some_and(|member| member.rooms.remove(room)) && state.forget(room, socket.id())
    }

    /// The rooms of a socket, its own first.
    pub(crate) fn of(&self, socket: &Socket) -> Vec<ByteString> {
        let mut state = self.lock();
        let member = state.member_of(socket);
        let own = member.as_ref().map(|_| socket.id().clone());
        own.into_iter().chain(member.into_iter().flat_map(|m| m.rooms.iter().cloned())).collect()
    }

    /// Whether somebody is in the room, be it that of an id.
    pub(crate) fn has(&self, room: &str) -> bool {
        let state = self.lock();
        state.rooms.contains_key(room) || state.sockets.contains_key(room)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lock().sockets.is_empty()
    }

    /// All rooms but those of the ids.
    pub(crate) fn names(&self) -> Vec<ByteString> {
        self.lock().rooms.keys().cloned().collect()
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

/// Adds a room to those of the socket with this id, and returns it. `None` if it is in it already.
pub(crate) fn add_room(
    rooms: &mut BTreeSet<ByteString>,
    id: &ByteString,
    room: &str,
    rules: &Rules,
) -> Result<Option<ByteString>, JoinError> {
    if **id == *room || rooms.contains(room) {
        return Ok(None);
    }
    if room.len() > rules.max_room {
        return Err(JoinError::RoomTooLong);
    }
    if rooms.len() >= rules.max_rooms {
        return Err(JoinError::TooManyRooms);
    }
    let room = ByteString::from(room);
    rooms.insert(room.clone());
    Ok(Some(room))
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
    /// True if nobody is in the room any more.
    fn forget(&mut self, room: &str, id: &ByteString) -> bool {
        let Some(ids) = self.rooms.get_mut(room) else { return false };
        ids.remove(id);
        if ids.is_empty() {
            self.rooms.remove(room);
            shrink(&mut self.rooms);
            return true;
        }
        if ids.capacity() > CROWD && ids.len() < ids.capacity() / 4 {
            ids.shrink_to(ids.len() * 2);
        }
        false
    }

    /// The entry of this very socket: another one may have its id by now.
    fn member_of(&mut self, socket: &Socket) -> Option<&mut Member> {
        self.sockets.get_mut(socket.id()).filter(|member| member.socket == *socket)
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
