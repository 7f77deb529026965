//! CPU credits of the T families, as the EC2 user guide lists them.

/// What a burstable instance type earns and may keep.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Burstable {
    /// Family, such as `t3`.
    pub family: &'static str,
    /// Thousandths of a vCPU that its credits are worth: 6 credits an hour are 100.
    pub baseline_millis: u32,
    /// Credits at the launch of a standard instance: 30 a vCPU of T2 (documented).
    pub launch_credits: u32,
    /// Days that it keeps its credits while it is stopped; T2 loses them (documented).
    pub days_kept: u32,
    /// Whether it is unlimited unless somebody says otherwise: not T2 (documented).
    pub is_unlimited: bool,
}

/// Sizes with vCPUs and tenths of a credit an hour of T2 and of the others (user guide; documented).
const SIZES: [(&str, u32, u32, u32); 7] = [
    ("nano", 1, 30, 60),
    ("micro", 1, 60, 120),
    ("small", 1, 120, 240),
    ("medium", 2, 240, 240),
    ("large", 2, 360, 360),
    ("xlarge", 4, 540, 960),
    ("2xlarge", 8, 816, 1_920),
];
const FAMILIES: [&str; 4] = ["t2", "t3", "t3a", "t4g"];

/// The credits of an instance type; `None` where it has none, or where no source says how many (`t1`, `t8i`).
#[must_use]
pub fn burstable(instance_type: &str) -> Option<Burstable> {
    let (family, size) = instance_type.split_once('.')?;
    let family = FAMILIES.into_iter().find(|known| *known == family)?;
    let (_, t2_vcpus, t2, other) = SIZES.into_iter().find(|(name, ..)| *name == size)?;
    let is_t2 = family == "t2";
    Some(Burstable {
        family,
        // A credit is a minute of a vCPU: 60 an hour are one vCPU.
        baseline_millis: if is_t2 { t2 } else { other } * 1_000 / 600,
        launch_credits: if is_t2 { 30 * t2_vcpus } else { 0 },
        days_kept: if is_t2 { 0 } else { 7 },
        is_unlimited: !is_t2,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn baselines_are_those_of_the_user_guide() {
        let millis = |name: &str| burstable(name).map(|of| of.baseline_millis);
        // 5, 10, 20 and 20 % of two vCPUs; 30 % of two; 40 % of four and of eight.
        for (size, expected) in [
            ("nano", 100),
            ("micro", 200),
            ("small", 400),
            ("medium", 400),
            ("large", 600),
            ("xlarge", 1_600),
            ("2xlarge", 3_200),
        ] {
            for family in ["t3", "t3a", "t4g"] {
                assert_eq!(millis(&format!("{family}.{size}")), Some(expected));
            }
        }
        // 5, 10 and 20 % of one; 20 and 30 % of two; 22.5 % of four; 17 % of eight.
        let t2 = ["nano", "micro", "small", "medium", "large", "xlarge", "2xlarge"];
        let t2 = t2.map(|size| millis(&format!("t2.{size}")).unwrap());
        assert_eq!(t2, [50, 100, 200, 400, 600, 900, 1_360]);
        assert_eq!(burstable("t2.medium").unwrap().launch_credits, 60);
        assert_eq!(burstable("m5.large"), None);
        assert_eq!(burstable("t1.micro"), None);
    }
}
