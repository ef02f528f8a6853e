use alloc::vec::Vec;

use crate::namespace::Namespace;

/// A value for each namespace of a connection. Most connections have one or two namespaces, and there are many
/// connections: so it is a list in order, with no more room than it needs, where the smallest tree would have room
/// for eleven.
///
/// ```
/// use rtwire_socketio::{Namespace, NamespaceMap};
///
/// let mut unread = NamespaceMap::default();
/// unread.insert(Namespace::default(), 3);
/// assert_eq!(unread.get(&Namespace::default()), Some(&3));
/// assert_eq!(unread.remove(&Namespace::default()), Some(3));
/// ```
#[derive(Clone, Debug)]
pub struct NamespaceMap<T> {
    entries: Vec<(Namespace, T)>,
}

impl<T> Default for NamespaceMap<T> {
    fn default() -> Self {
        Self { entries: Vec::new() }
    }
}

impl<T> NamespaceMap<T> {
    fn find(&self, namespace: &Namespace) -> Result<usize, usize> {
        self.entries.binary_search_by(|(name, _)| name.cmp(namespace))
    }

    /// The name as it is kept here.
    pub(crate) fn name(&self, namespace: &Namespace) -> Option<&Namespace> {
        self.find(namespace).ok().and_then(|index| self.entries.get(index)).map(|(name, _)| name)
    }

    /// The value of a namespace.
    pub fn get(&self, namespace: &Namespace) -> Option<&T> {
        self.find(namespace).ok().and_then(|index| self.entries.get(index)).map(|(_, value)| value)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, namespace: &Namespace) -> Option<&mut T> {
        let index = self.find(namespace).ok()?;
        self.entries.get_mut(index).map(|(_, value)| value)
    }

    /// Sets the value of a namespace, and returns the one that it had.
    pub fn insert(&mut self, namespace: Namespace, value: T) -> Option<T> {
        match self.find(&namespace) {
            Ok(index) => Some(core::mem::replace(&mut self.entries[index].1, value)),
            Err(index) => {
                if self.entries.is_empty() {
                    // Or there would be room for four.
                    self.entries.reserve_exact(1);
                }
                self.entries.insert(index, (namespace, value));
                None
            }
        }
    }

    /// Removes a namespace, and returns its value.
    pub fn remove(&mut self, namespace: &Namespace) -> Option<T> {
        self.find(namespace).ok().map(|index| self.entries.remove(index).1)
    }

    /// How many namespaces have a value.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none has.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The namespaces and their values, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&Namespace, &T)> {
        self.entries.iter().map(|(namespace, value)| (namespace, value))
    }

    /// The values, to be changed.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.entries.iter_mut().map(|(_, value)| value)
    }
}
