use alloc::string::String;
use core::fmt;

use crate::json::{Json, push_string};

/// What a client shows to take up a session whose transport was lost (connection state recovery).
///
/// ```
/// use rtwire_socketio::{Json, Recovery};
///
/// let auth = Json::decode(r#"{"token":"abc","pid":"p-1","offset":"o-7"}"#.into())?;
/// let recovery = Recovery::from_auth(&auth).unwrap();
/// assert_eq!((&*recovery.pid, recovery.offset.as_deref()), ("p-1", Some("o-7")));
/// # Ok::<(), rtwire_socketio::Error>(())
/// ```
///
/// `Debug` does not show the pid, which is a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Recovery {
    /// The secret name of the session, as the server has told it.
    pub pid: String,
    /// The last argument of the newest event that came, by which the server finds those that were
    /// missed. `None` if none came.
    pub offset: Option<String>,
}

impl Recovery {
    /// Reads it from the credentials of a CONNECT. `None` if there is no `pid`, or it is no text.
    pub fn from_auth(auth: &Json) -> Option<Self> {
        Some(Self { pid: auth.member_text("pid")?, offset: auth.member_text("offset") })
    }

    /// Writes it into the credentials of a CONNECT. What they say themselves stands behind, and is
    /// what JavaScript reads.
    pub(crate) fn to_auth(&self, auth: Option<&Json>) -> Json {
        let mut object = String::from(r#"{"pid":"#);
        push_string(&mut object, &self.pid);
        if let Some(offset) = &self.offset {
            object.push_str(r#","offset":"#);
            push_string(&mut object, offset);
        }
        let members =
            auth.and_then(|auth| auth.trim().strip_prefix('{')).unwrap_or("}").trim_start();
        if members != "}" {
            object.push(',');
        }
        object.push_str(members);
        Json::scanned(object.into())
    }
}

impl fmt::Debug for Recovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recovery").field("offset", &self.offset).finish_non_exhaustive()
    }
}
