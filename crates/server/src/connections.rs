use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::limits::Limits;

/// How many connections are open, in total and per address.
#[derive(Debug)]
pub(crate) struct Connections {
    total: usize,
    per_address: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    /// Empty unless there is a limit per address; never holds a zero.
    by_address: HashMap<IpAddr, usize>,
}

/// One counted connection; dropping it gives the place back.
#[derive(Debug)]
pub(crate) struct Permit {
    connections: Arc<Connections>,
    address: IpAddr,
}

/// Why a connection is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Full {
    #[error("too many connections")]
    Total,
    #[error("too many connections from one address")]
    Address,
}

impl Connections {
    /// `None` if there is nothing to count.
    pub(crate) fn new(limits: &Limits) -> Option<Arc<Self>> {
        let (total, per_address) = (limits.max_connections, limits.max_connections_per_address);
        if total == usize::MAX && per_address == usize::MAX {
            return None;
        }
        Some(Arc::new(Self { total, per_address, open: Mutex::default() }))
    }

    pub(crate) fn admit(self: &Arc<Self>, peer: IpAddr) -> Result<Arc<Permit>, Full> {
        let address = counted(peer);
        let mut open = self.open();
        if open.total >= self.total {
            return Err(Full::Total);
        }
        if self.per_address != usize::MAX {
            if open.by_address.get(&address).copied().unwrap_or(0) >= self.per_address {
                return Err(Full::Address);
            }
            *open.by_address.entry(address).or_default() += 1;
        }
        open.total += 1;
        drop(open);
        Ok(Arc::new(Permit { connections: Arc::clone(self), address }))
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        // Nothing panics while the lock is held, so the counts are right even then.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut open = self.connections.open();
        open.total -= 1;
        if let Some(count) = open.by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.by_address.remove(&self.address);
            }
        }
    }
}

/// What counts as one address: an IPv4 address, or an IPv6 /64.
fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admit(connections: &Arc<Connections>, peer: &str) -> Result<Arc<Permit>, Full> {
        connections.admit(peer.parse().unwrap())
    }

    #[test]
    fn total_at_the_limit_and_over() {
        let connections = Connections::new(&Limits::default().max_connections(2)).unwrap();
        let first = admit(&connections, "10.0.0.1").unwrap();
        let second = admit(&connections, "10.0.0.2").unwrap();
        assert_eq!(admit(&connections, "10.0.0.3").unwrap_err(), Full::Total);
        drop(first);
        let third = admit(&connections, "10.0.0.3").unwrap();
        assert_eq!(admit(&connections, "10.0.0.4").unwrap_err(), Full::Total);
        drop((second, third));
        assert_eq!(connections.open().total, 0);
    }

    #[test]
    fn per_address_counts_an_ipv6_network_as_one() {
        let limits = Limits::default().max_connections_per_address(1);
        let connections = Connections::new(&limits).unwrap();
        let v6 = admit(&connections, "2001:db8:1:2::1").unwrap();
        assert_eq!(admit(&connections, "2001:db8:1:2:ffff::9").unwrap_err(), Full::Address);
        let _other = admit(&connections, "2001:db8:1:3::1").unwrap();
        let _v4 = admit(&connections, "10.0.0.1").unwrap();
        assert_eq!(admit(&connections, "::ffff:10.0.0.1").unwrap_err(), Full::Address);
        drop(v6);
        admit(&connections, "2001:db8:1:2:ffff::9").unwrap();
        assert_eq!(connections.open().by_address.len(), 2);
    }

    #[test]
    fn without_a_limit_nothing_is_counted() {
        assert!(Connections::new(&Limits::default()).is_none());
    }
}
