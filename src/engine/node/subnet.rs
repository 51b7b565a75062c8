//! A subnet for the link of a node that nothing on this machine uses.

use crate::error::{Error, Result};
use std::net::Ipv4Addr;

/// 198.18.0.0/15, set apart for measuring network devices: routed nowhere, and in no engine's pools.
const POOL: u32 = u32::from_be_bytes([198, 18, 0, 0]);
/// How many /30 the pool has.
const COUNT: u32 = 1 << 15;
/// A shorter prefix is a way out, not a network that is there.
const SHORTEST: u8 = 8;

/// A subnet of four addresses, two of them the ends of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Subnet(u32);

impl Subnet {
    /// The host's end.
    pub fn host(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.0 + 1)
    }

    /// The node's end.
    pub fn node(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.0 + 2)
    }

    /// As `ip` writes it.
    pub fn text(self) -> String {
        format!("{}/30", Ipv4Addr::from_bits(self.0))
    }

    /// A subnet that overlaps none of `routes`, which is what `ip -4 route show table all` says. The search begins at
    /// `seed`, so that two nodes that look at the same moment look in different places.
    pub fn free(routes: &str, seed: u32) -> Result<Self> {
        let taken: Vec<_> = routes.lines().filter_map(destination).collect();
        (0..COUNT)
            .map(|n| Self(POOL + (seed.wrapping_add(n) % COUNT) * 4))
            .find(|subnet| !taken.iter().any(|(address, length)| subnet.overlaps(*address, *length)))
            .ok_or_else(|| {
                Error::surroundings("no subnet of 198.18.0.0/15 is free for the link of a private node").hint(
                    "see `ip route`; a VPN may have taken the whole range: --node container needs none of it",
                )
            })
    }

    fn overlaps(self, address: u32, length: u8) -> bool {
        let shorter = length.min(30);
        shorter >= SHORTEST && (self.0 ^ address) >> (32 - u32::from(shorter)) == 0
    }
}

/// The destination of a route: its first word that is an address, with or without a length.
fn destination(route: &str) -> Option<(u32, u8)> {
    route.split_whitespace().find_map(|word| {
        let (address, length) = word.split_once('/').unwrap_or((word, "32"));
        Some((address.parse::<Ipv4Addr>().ok()?.to_bits(), length.parse().ok().filter(|n| *n <= 32)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subnet_has_a_host_and_a_node() {
        let subnet = Subnet::free("", 1).unwrap();
        assert_eq!(subnet.text(), "198.18.0.4/30");
        assert_eq!(
            (subnet.host().to_string(), subnet.node().to_string()),
            ("198.18.0.5".into(), "198.18.0.6".into())
        );
    }

    #[test]
    fn what_is_routed_is_left_out_and_the_ways_out_are_not() {
        let routes = "\
default via 192.0.2.1 dev eth0
0.0.0.0/1 via 10.8.0.1 dev tun0
198.18.0.0/30 dev dbn1 proto kernel scope link src 198.18.0.1
broadcast 198.18.0.7 dev x table local proto kernel scope link src 198.18.0.5
198.18.0.8/29 dev y
";
        assert_eq!(Subnet::free(routes, 0).unwrap().text(), "198.18.0.16/30");
        // The search goes round.
        assert_eq!(Subnet::free(routes, COUNT - 1).unwrap().text(), "198.19.255.252/30");
        let all = format!("{routes}198.18.0.0/15 dev vpn\n");
        let error = Subnet::free(&all, 5).unwrap_err();
        assert!(error.to_string().starts_with("no subnet of 198.18.0.0/15 is free"), "{error}");
    }
}
