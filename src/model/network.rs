//! Subnets, and what their routes let a task reach.

use super::ids::{SubnetId, ZoneId};

/// Addresses of every subnet that AWS keeps for itself: the first four and the last one (VPC user guide; documented).
pub const KEPT_BY_AWS: u32 = 5;

/// Where what leaves a subnet can go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Route {
    /// A public subnet: to the internet, with a public address.
    InternetGateway,
    /// To the internet by way of a NAT gateway.
    Nat,
    /// To AWS by VPC endpoints, and nowhere else.
    Endpoints,
    /// Nowhere out of the VPC.
    Nowhere,
}

impl Route {
    /// All of them.
    pub const ALL: [Route; 4] =
        [Route::InternetGateway, Route::Nat, Route::Endpoints, Route::Nowhere];

    /// The word of scenarios and tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Route::InternetGateway => "internet_gateway",
            Route::Nat => "nat",
            Route::Endpoints => "endpoints",
            Route::Nowhere => "none",
        }
    }

    /// Whether an interface there reaches AWS's own services: ECR, CloudWatch Logs, Secrets Manager.
    #[must_use]
    pub fn reaches_aws(self, has_public_ip: bool) -> bool {
        self == Route::Endpoints || self.reaches_internet(has_public_ip)
    }

    /// Whether an interface there reaches the internet.
    #[must_use]
    pub fn reaches_internet(self, has_public_ip: bool) -> bool {
        self == Route::Nat || self == Route::InternetGateway && has_public_ip
    }
}

/// A block of IPv4 addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cidr {
    /// Its first address.
    first: u32,
    /// Length of its prefix in bits: 0 to 32.
    prefix: u8,
}

impl Cidr {
    /// Reads a block such as `10.0.1.0/24`. Bits behind the prefix are cleared, as EC2 does (documented).
    #[must_use]
    pub fn parse(text: &str) -> Option<Cidr> {
        let (address, prefix) = text.split_once('/')?;
        let address: std::net::Ipv4Addr = address.parse().ok()?;
        let is_plain = !prefix.is_empty() && prefix.bytes().all(|b| b.is_ascii_digit());
        let prefix: u8 = prefix.parse().ok().filter(|bits| is_plain && *bits <= 32)?;
        let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
        Some(Cidr { first: u32::from(address) & mask, prefix })
    }

    /// Length of its prefix in bits.
    #[must_use]
    pub fn prefix(self) -> u8 {
        self.prefix
    }

    /// How many addresses of a subnet with this block can be given out; 0 where AWS keeps them all.
    #[must_use]
    pub fn usable(self) -> u32 {
        let all = 1_u64 << (32 - u32::from(self.prefix));
        u32::try_from(all.saturating_sub(u64::from(KEPT_BY_AWS))).unwrap_or(u32::MAX)
    }

    /// Whether the two share an address.
    #[must_use]
    pub fn overlaps(self, other: Cidr) -> bool {
        let bits = self.prefix.min(other.prefix);
        let shift = 32 - u32::from(bits);
        self.first.checked_shr(shift) == other.first.checked_shr(shift)
    }
}

impl std::fmt::Display for Cidr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", std::net::Ipv4Addr::from(self.first), self.prefix)
    }
}

/// A subnet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subnet {
    /// Its id, such as `subnet-0a1b`.
    pub id: String,
    /// Its Availability Zone.
    pub zone: ZoneId,
    /// Its block.
    pub cidr: Cidr,
    /// Where what leaves it can go.
    pub route: Route,
    /// Addresses that others have all the time: load balancers, endpoints, databases.
    pub used: u32,
}

impl Subnet {
    /// Addresses for tasks and instances.
    #[must_use]
    pub fn room(&self) -> u32 {
        self.cidr.usable().saturating_sub(self.used)
    }
}

/// `awsvpcConfiguration` of one who asks for tasks.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TaskNetwork {
    /// The subnets that interfaces of its tasks are created in; none without `[network]`.
    pub subnets: Vec<SubnetId>,
    /// `assignPublicIp`.
    pub public_ip: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_has_two_to_the_rest_less_five_addresses() {
        let usable = |text| Cidr::parse(text).map(Cidr::usable);
        assert_eq!(usable("10.0.0.0/28"), Some(11));
        assert_eq!(usable("10.0.0.0/24"), Some(251));
        assert_eq!(usable("10.0.0.0/16"), Some(65_531));
        assert_eq!(usable("10.0.0.0/30"), Some(0));
        assert_eq!(usable("0.0.0.0/0"), Some(u32::MAX - 4));
        for wrong in ["10.0.0.0", "10.0.0/24", "10.0.0.0/33", "10.0.0.0/+8", "10.0.0.256/24", "/8"]
        {
            assert_eq!(usable(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn bits_behind_the_prefix_are_cleared_and_overlaps_are_seen() {
        let block = |text| Cidr::parse(text).unwrap();
        assert_eq!(block("100.68.0.18/18").to_string(), "100.68.0.0/18");
        assert!(block("10.0.0.0/24").overlaps(block("10.0.0.240/28")));
        assert!(block("10.0.0.240/28").overlaps(block("10.0.0.0/24")));
        assert!(!block("10.0.0.0/25").overlaps(block("10.0.0.128/25")));
        assert!(block("0.0.0.0/0").overlaps(block("10.0.0.0/28")));
    }

    #[test]
    fn a_public_subnet_leads_out_only_with_a_public_address() {
        let internet = Route::ALL.map(|route| [false, true].map(|ip| route.reaches_internet(ip)));
        assert_eq!(internet, [[false, true], [true, true], [false, false], [false, false]]);
        let aws = Route::ALL.map(|route| [false, true].map(|ip| route.reaches_aws(ip)));
        assert_eq!(aws, [[false, true], [true, true], [true, true], [false, false]]);
    }
}
