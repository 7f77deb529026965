//! Keys of the network: subnets, their addresses and routes.

use super::{Kind, SECOND, Section, required, with_default};

/// Words of `route`.
const ROUTES: &[&str] = &["internet_gateway", "nat", "endpoints", "none"];

/// `[network]`.
pub static NETWORK: Section = Section::new(
    "network",
    "The VPC: every `awsvpc` task and every instance takes an address of a subnet. Without it there are always enough.",
    &[
        required(
            "subnets",
            Kind::Tables(&SUBNET),
            "Subnets: of all clusters, in place of theirs.",
            "API",
        ),
        with_default(
            "full_subnets",
            Kind::Choice(&["avoided", "picked"]),
            "\"avoided\"",
            "Whether ECS creates interfaces where there is a free address, as long as one of the task's subnets has one, and \
             on instances as long as that zone can have an instance which takes the task; or picks zone and subnet without \
             a look, and tasks fail to start where there is none. What a batch of tasks for Managed Instances is given is \
             planned without a look either way.",
            "assumed",
        ),
        with_default(
            "unreachable_after",
            Kind::Span(0, 3_600 * SECOND),
            "\"180s\"",
            "How long a task asks for what it cannot reach (the registry, secrets) until it fails to start.",
            "assumed (five attempts of 30 s, with pauses)",
        ),
        with_default(
            "access_denied_after",
            Kind::Span(0, 3_600 * SECOND),
            "\"10s\"",
            "The same for what its execution role may not have.",
            "assumed",
        ),
    ],
);

static SUBNET: Section = Section::new(
    "subnet of the network",
    "A subnet with its addresses.",
    &[
        required("id", Kind::Name(""), "Its id, such as `subnet-0a1b`.", "API"),
        required("availability_zone", Kind::Text, "Its Availability Zone.", "API"),
        required(
            "cidr",
            Kind::Text,
            "Its IPv4 block, /16 to /28, such as `10.0.1.0/24`; AWS keeps five addresses of it.",
            "documented",
        ),
        with_default(
            "route",
            Kind::Choice(ROUTES),
            "\"nat\"",
            "Where its route table leads: to an internet gateway (a public subnet), to a NAT gateway, to AWS by VPC \
             endpoints alone, or nowhere.",
            "ecsim",
        ),
        with_default(
            "used_addresses",
            Kind::Whole(0, 65_531),
            "0",
            "Addresses that others have all the time: load balancers, endpoints, databases.",
            "ecsim",
        ),
    ],
);
