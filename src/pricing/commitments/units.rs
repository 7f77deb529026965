//! Sizes of instance types in normalisation units.

/// Families whose regional reservations cover their own size only (documented, EC2 user guide).
const RIGID: [&str; 5] = ["g4ad", "g4dn", "g5", "g5g", "inf1"];

/// Quarters of a normalisation unit of an instance type: nano 1/4, micro 1/2, small 1, medium 2, large 4, xlarge 8, and 8 for
/// each `x` of larger ones (documented). A plain `metal` counts as the largest virtual size of its family with as many
/// vCPUs, 2 a vCPU: `i3.metal` 128. `None` where the size is unknown.
#[must_use]
pub fn normalization_units(instance_type: &str, vcpus: Option<u32>) -> Option<u64> {
    let (_, size) = instance_type.split_once('.')?;
    if let Some(size) = size.strip_prefix("metal-") {
        let times =
            size.strip_suffix("xl")?.parse::<u64>().ok().filter(|n| (1..=1_000).contains(n))?;
        return Some(32 * times);
    }
    let quarters = match size {
        "nano" => 1,
        "micro" => 2,
        "small" => 4,
        "medium" => 8,
        "large" => 16,
        "xlarge" => 32,
        "metal" => 8 * u64::from(vcpus?),
        _ => {
            32 * size
                .strip_suffix("xlarge")?
                .parse::<u64>()
                .ok()
                .filter(|n| (1..=1_000).contains(n))?
        }
    };
    Some(quarters)
}

/// The family of an instance type: `m7g` of `m7g.xlarge`.
#[must_use]
pub fn family(instance_type: &str) -> &str {
    instance_type.split('.').next().unwrap_or_default()
}

/// Whether regional reservations of this family cover other sizes, too.
#[must_use]
pub fn is_flexible(family: &str) -> bool {
    !RIGID.contains(&family)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_the_published_units() {
        for (size, units) in [
            ("nano", 0.25),
            ("micro", 0.5),
            ("small", 1.0),
            ("medium", 2.0),
            ("large", 4.0),
            ("xlarge", 8.0),
            ("2xlarge", 16.0),
            ("3xlarge", 24.0),
            ("9xlarge", 72.0),
            ("24xlarge", 192.0),
            ("112xlarge", 896.0),
            ("metal-24xl", 192.0),
            ("metal", 128.0),
            ("huge", 0.0),
            ("0xlarge", 0.0),
        ] {
            let found = normalization_units(&format!("m5.{size}"), Some(64)).unwrap_or(0);
            assert_eq!(found as f64 / 4.0, units, "{size}");
        }
        assert_eq!(normalization_units("m5", None), None);
        assert_eq!(normalization_units("m5.metal", None), None);
    }
}
