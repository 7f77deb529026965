//! What people say of the packing from which EC2 is cheaper than Fargate.

/// A figure that is published as the packing, or utilization, from which EC2 is the cheaper one.
#[derive(Clone, PartialEq, Debug)]
pub struct Claim {
    /// Its ends, percent; equal where it is one number.
    pub percent: (f64, f64),
    /// Who says so, in a word or two.
    pub who: String,
    /// Where it was read.
    pub origin: String,
}

/// Figures that people repeat, read in November 2026: ends, who, and where. None of them names the instance type, the shape
/// of the tasks or the purchase. For 95 % no publication was found, only that it is repeated.
const REPEATED: [(f64, f64, &str, &str); 5] = [
    (55.0, 55.0, "factualminds", "factualminds.com, on Fargate and EC2"),
    (
        60.0,
        80.0,
        "trek10",
        "trek10.com/blog/fargate-pricing-vs-ec2, after the price cut of January 2019",
    ),
    (70.0, 70.0, "c3x", "c3x.dev/blog/aws-fargate-vs-ec2-cost"),
    (70.0, 85.0, "usage.ai, braincuber", "usage.ai/blogs/ec2-vs-fargate; braincuber.com"),
    (95.0, 95.0, "repeated, no source", "people repeat it; no publication was found"),
];

impl Claim {
    /// The figures that people repeat.
    #[must_use]
    pub fn repeated() -> Vec<Claim> {
        let claim = |&(from, to, who, origin): &(f64, f64, &str, &str)| Claim {
            percent: (from, to),
            who: who.to_string(),
            origin: origin.to_string(),
        };
        REPEATED.iter().map(claim).collect()
    }

    /// The figure for people, such as `55 %` or `60 to 80 %`.
    #[must_use]
    pub fn figure(&self) -> String {
        // Not rounded: what somebody gives may have digits behind the point.
        match self.percent {
            (from, to) if from == to => format!("{from} %"),
            (from, to) => format!("{from} to {to} %"),
        }
    }

    /// From text such as `95` or `70-85`, as somebody gives it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Claim, String> {
        let number = |text: &str| -> Result<f64, String> {
            let number: f64 = text.trim().parse().map_err(|_| "not a number".to_string())?;
            let is_good = (0.0..=100.0).contains(&number);
            is_good.then_some(number).ok_or_else(|| "from 0 to 100".into())
        };
        let (from, to) = text.split_once('-').unwrap_or((text, text));
        let percent = (number(from)?, number(to)?);
        if percent.0 > percent.1 {
            return Err("the smaller one goes first".into());
        }
        Ok(Claim { percent, who: "given".into(), origin: "given by --mark".into() })
    }

    /// What it says of packings from which EC2 is cheaper: it holds, is too low, or too high, for all of them or not.
    #[must_use]
    pub fn verdict(&self, (least, most): (f64, f64)) -> &'static str {
        // A figure without digits behind the point means half a point more or less.
        let (from, to) = (self.percent.0 - 0.5, self.percent.1 + 0.5);
        match (to < least, from > most, from <= least && most <= to) {
            (true, ..) => "too low here",
            (_, true, _) => "too high here",
            (.., true) => "holds here",
            _ => "holds at some loads",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_holds_where_all_packings_lie_in_it() {
        let claim = Claim::parse("70-85").unwrap();
        for (packings, said) in [
            ((72.0, 84.0), "holds here"),
            ((69.5, 85.5), "holds here"),
            ((60.0, 69.4), "too high here"),
            ((85.6, 90.0), "too low here"),
            ((60.0, 75.0), "holds at some loads"),
        ] {
            assert_eq!(claim.verdict(packings), said, "{packings:?}");
        }
        let repeated: Vec<String> = Claim::repeated().iter().map(Claim::figure).collect();
        assert_eq!(repeated, ["55 %", "60 to 80 %", "70 %", "70 to 85 %", "95 %"]);
        assert_eq!(Claim::parse("52.5").unwrap().figure(), "52.5 %");
        for text in ["85-70", "x", "-1", "101", "50-"] {
            assert!(Claim::parse(text).is_err(), "{text}");
        }
    }
}
