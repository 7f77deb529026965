//! The answer first: what a run says in a few sentences, before the table of all its metrics.

use super::human;
use super::summary::{has_services, shown};
use crate::base::money::NanoUsd;
use crate::base::time::SimSpan;
use crate::metrics::summary::{Summary, Value};

/// A few lines: tasks and their waiting, requests, cost, and what was assumed about the fleet. Ends with an empty line;
/// nothing where there is nothing to say.
#[must_use]
pub fn to_text(summary: &Summary) -> String {
    let facts = Facts(summary);
    let lines = [
        facts.tasks(),
        facts.failures(),
        facts.network(),
        facts.requests(),
        facts.cost(),
        facts.credits(),
        facts.bytes(),
        facts.fleet(),
    ];
    let mut out: String = lines.into_iter().flatten().map(|line| line + "\n").collect();
    if !out.is_empty() {
        out.push('\n');
    }
    out
}

/// Drops up to then are at the beginning.
const EARLY: SimSpan = SimSpan::from_secs(3_600);

/// Metrics as words.
struct Facts<'a>(&'a Summary);

impl Facts<'_> {
    /// A metric that is there and not 0.
    fn count(&self, name: &str) -> Option<u64> {
        match self.0.get(name)? {
            Value::Count(count) => Some(*count).filter(|&count| count > 0),
            Value::Millionths(amount) => Some(*amount).filter(|&amount| amount > 0),
            _ => None,
        }
    }

    /// A metric as people read it, where it has a value.
    fn text(&self, name: &str) -> Option<String> {
        let metric = self.0.0.iter().find(|metric| metric.name == name)?;
        (metric.value != Value::Missing).then(|| shown(metric))
    }

    /// A sum of money that is not 0.
    fn usd(&self, name: &str) -> Option<String> {
        match self.0.get(name)? {
            Value::Usd(usd) if usd.0 != 0 => Some(human::usd(*usd)),
            _ => None,
        }
    }

    /// A sum of money; nothing where there is no such metric.
    fn nano(&self, name: &str) -> NanoUsd {
        match self.0.get(name) {
            Some(Value::Usd(usd)) => *usd,
            _ => NanoUsd(0),
        }
    }

    fn tasks(&self) -> Option<String> {
        if self.0.get("tasks_submitted") == Some(&Value::Count(0)) {
            return Some("Tasks     none was asked for".to_string());
        }
        let submitted = self.count("tasks_submitted")?;
        let placed = self.count("tasks_placed").unwrap_or(0);
        let number = |count: u64| human::thousands(count.into());
        let mut parts = vec![match (submitted, placed) {
            (1, 1) => "1 task, placed".to_string(),
            (1, _) => "1 task, not placed".to_string(),
            _ if placed == submitted => format!("{} tasks, all placed", number(submitted)),
            _ => format!("{} tasks, {} placed", number(submitted), number(placed)),
        }];
        let rest = [
            (self.count("tasks_refused"), "given up"),
            (self.count("tasks_waiting_at_end"), "still waiting at the end"),
        ];
        parts.extend(
            rest.into_iter().filter_map(|(n, what)| Some(format!("{} {what}", number(n?)))),
        );
        let mut line = format!("Tasks     {}", parts.join(", "));
        match self.0.get("wait_s_max") {
            Some(Value::Seconds(SimSpan(0))) if placed > 0 => line += "; none waited",
            Some(Value::Seconds(longest)) => {
                let of = |name| self.text(name).unwrap_or_else(|| "–".into());
                let (mean, p95) = (of("wait_s_mean"), of("wait_s_p95"));
                let longest = human::span(*longest);
                line += &format!("; they waited {mean} in the mean, p95 {p95}, {longest} at most");
            }
            _ => {}
        }
        Some(line)
    }

    fn requests(&self) -> Option<String> {
        let offered = self.count("requests_offered").filter(|_| has_services(self.0))?;
        let dropped = match self.count("requests_dropped") {
            None => "none dropped".into(),
            Some(dropped) => {
                let share = 100.0 * dropped as f64 / offered as f64;
                format!("{} dropped ({})", human::amount(dropped), human::percent(share))
            }
        };
        let p95 = self.text("request_latency_s_p95").map(|p95| format!("; p95 latency {p95}"));
        let offered = human::amount(offered);
        let early = self.early_drops().unwrap_or_default();
        Some(format!("Requests  {offered} offered, {dropped}{early}{}", p95.unwrap_or_default()))
    }

    /// Drops that all lie at the beginning say more about the desired counts at time zero than about the service.
    fn early_drops(&self) -> Option<String> {
        let Some(Value::Seconds(last)) = self.0.get("requests_dropped_last_s") else { return None };
        let Some(Value::Seconds(whole)) = self.0.get("simulated_s") else { return None };
        if self.count("incident_requests_dropped").is_some() {
            return None; // an incident explains them
        }
        let is_early = *last <= EARLY && last.0.saturating_mul(4) <= whole.0;
        let rest = self.count("requests_dropped_unfinished").map(human::amount);
        let rest = rest.map_or("all".into(), |rest| format!("all but {rest} unfinished"));
        let span = human::span(*last);
        is_early.then(|| {
            format!(
                ", {rest} in the first {span}: the desired counts at time zero may not fit the load"
            )
        })
    }

    /// Why tasks found no place, the most frequent reasons first.
    fn failures(&self) -> Option<String> {
        let all = self.count("placement_failures")?;
        // Whoever was placed in the end need not be told how.
        self.count("tasks_waiting_at_end").or(self.count("tasks_refused"))?;
        let mut reasons: Vec<(u64, String)> = Vec::new();
        for metric in &self.0.0 {
            if let (Some(reason), Value::Count(count)) =
                (metric.name.strip_prefix("placement_failures_"), &metric.value)
                && *count > 0
            {
                let reason = reason.replace('_', " ");
                reasons.push((*count, format!("{reason} ({})", human::thousands((*count).into()))));
            }
        }
        reasons.sort_by_key(|reason| std::cmp::Reverse(reason.0));
        let main: Vec<String> = reasons.into_iter().take(3).map(|(_, text)| text).collect();
        let all = human::counted(all, "attempt");
        Some(format!("Failures  {all} to place a task, by reason: {}", main.join(", ")))
    }

    /// What kept tasks from starting and instances from being launched.
    fn network(&self) -> Option<String> {
        let of = |name, what: &str| {
            let count = self.count(name)?;
            let what = if count == 1 { what.replacen("tasks", "task", 1) } else { what.into() };
            Some(format!("{} {what}", human::thousands(count.into())))
        };
        let parts: Vec<String> =
            [of("tasks_without_address", "tasks and"), of("launches_without_address", "launches")]
                .into_iter()
                .flatten()
                .collect();
        let mut said = Vec::new();
        if !parts.is_empty() {
            let who = parts.join(" ").trim_end_matches(" and").to_string();
            said.push(format!("{who} found no free address"));
        }
        said.extend(of(
            "tasks_without_access",
            "tasks could not start: no way to what they need, or denied",
        ));
        (!said.is_empty()).then(|| format!("Network   {}", said.join("; ")))
    }

    /// What is paid, where that is not in dollars.
    fn in_currency(&self) -> Option<String> {
        let metric = self.0.0.iter().find(|metric| metric.name == "total_in_currency")?;
        let amount = metric.value.as_f64()?;
        Some(format!("{} {}", human::decimal(amount, 2), metric.unit))
    }

    fn cost(&self) -> Option<String> {
        let total = self.usd("total_usd")?;
        let paid = self.in_currency().map(|paid| format!(" ({paid})")).unwrap_or_default();
        let mut line = format!("Cost      {total}{paid} for {}", self.text("simulated_s")?);
        let external = self.nano("external_usd");
        let of = |usd: NanoUsd, who: &'static str| (usd.0 != 0).then_some((who, usd));
        let parts: Vec<(&str, NanoUsd)> = [
            of(NanoUsd(self.nano("ec2_usd").0 - external.0), "EC2"),
            of(external, "external hosts"),
            of(self.nano("fargate_usd"), "Fargate"),
            of(self.nano("side_usd"), "beside compute"),
        ]
        .into_iter()
        .flatten()
        .collect();
        match parts.as_slice() {
            [] => {}
            [(who, _)] => line += &format!(", all {who}"),
            all => {
                let each = all.iter().map(|(who, usd)| format!("{who} {}", human::usd(*usd)));
                line += &format!(": {}", each.collect::<Vec<_>>().join(", "));
            }
        }
        if let Some(idle) = self.usd("ec2_idle_usd") {
            let share = self.text("usd_idle_percent").unwrap_or_default();
            let whose = if external.0 == 0 { "the EC2 price" } else { "the price of instances" };
            // Idle room is told at public prices: it may be more than what is paid for all instances.
            let is_lowered =
                self.nano("private_discount_usd").0 != 0 || self.nano("commitments_usd").0 != 0;
            let before = if is_lowered { " before discounts" } else { "" };
            line += &format!(
                "; {idle} of {whose}{before} ({share} %) is for room that no task reserved"
            );
        }
        Some(line)
    }

    /// Standard instances without CPU credits would have been slower than the run.
    fn credits(&self) -> Option<String> {
        let count = self.count("cpu_credits_exhausted")?;
        let who = if count == 1 { "instance" } else { "instances" };
        Some(format!(
            "Credits   {} standard burstable {who} ran out of CPU credits: their tasks would have been slower than here",
            human::thousands(count.into())
        ))
    }

    /// A bill beside compute that knows of no bytes.
    fn bytes(&self) -> Option<String> {
        let named = self.0.get("bill_names_bytes")?;
        (*named == Value::Count(0)).then(|| {
            "Bill      names no bytes: nothing of transfer, of what gateways process and of logs is on it".to_string()
        })
    }

    /// A comparison with Fargate is one with this fleet: whether it follows the load.
    fn fleet(&self) -> Option<String> {
        let count = self.count("instances")?;
        let moved = |metric| self.count(metric).unwrap_or(0);
        let metrics = ["instances_launched", "warm_starts", "instances_ended"];
        let moves = metrics.map(moved);
        if moves != [0; 3] {
            let [launched, warm, ended] = moves.map(|number| human::thousands(number.into()));
            let from_pool = if moves[1] > 0 {
                format!(", {warm} came from a warm pool")
            } else {
                String::new()
            };
            let stuck = self.failed_refreshes();
            return Some(format!(
                "Fleet     moves: {launched} container instances were launched{from_pool} and {ended} ended; each is \
                 paid for from running to its end{stuck}"
            ));
        }
        let (number, verb) =
            (human::thousands(count.into()), if count == 1 { "is" } else { "are" });
        let noun = if count == 1 { "instance" } else { "instances" };
        Some(format!(
            "Fleet     fixed: {number} container {noun} {verb} paid for from the beginning to the end, used or not{}",
            self.failed_refreshes()
        ))
    }

    fn failed_refreshes(&self) -> String {
        match self.count("refreshes_failed") {
            None => String::new(),
            Some(1) => "; an instance refresh failed".into(),
            Some(failed) => {
                format!("; {} instance refreshes failed", human::thousands(failed.into()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::summary::Metric;

    fn metric((name, value): &(&'static str, Value)) -> Metric {
        Metric {
            name: (*name).into(),
            unit: if name.ends_with("percent") { "%" } else { "–" },
            meaning: "",
            section: "",
            value: value.clone(),
        }
    }

    fn told(values: &[(&'static str, Value)]) -> String {
        to_text(&Summary(values.iter().map(metric).collect()))
    }

    const HOUR: Value = Value::Seconds(SimSpan(3_600_000_000));

    #[test]
    fn tasks_waits_cost_and_the_fixed_fleet_come_first() {
        let text = told(&[
            ("simulated_s", HOUR),
            ("tasks_submitted", Value::Count(1_200)),
            ("tasks_placed", Value::Count(1_100)),
            ("tasks_refused", Value::Count(60)),
            ("tasks_waiting_at_end", Value::Count(40)),
            ("wait_s_mean", Value::Seconds(SimSpan(90_000_000))),
            ("wait_s_p95", Value::Seconds(SimSpan(300_000_000))),
            ("wait_s_max", Value::Seconds(SimSpan(301_000_000))),
            ("instances", Value::Count(8)),
            ("total_usd", Value::Usd(NanoUsd(12_000_000_000))),
            ("ec2_usd", Value::Usd(NanoUsd(10_000_000_000))),
            ("fargate_usd", Value::Usd(NanoUsd(2_000_000_000))),
            ("ec2_idle_usd", Value::Usd(NanoUsd(4_000_000_000))),
            ("usd_idle_percent", Value::Ratio(40.0)),
        ]);
        insta::assert_snapshot!(text, @r#"
        Tasks     1,200 tasks, 1,100 placed, 60 given up, 40 still waiting at the end; they waited 1 m 30 s in the mean, p95 5 m 00 s, 5 m 01 s at most
        Cost      $12.00 for 1 h 00 m: EC2 $10.00, Fargate $2.00; $4.00 of the EC2 price (40.0 %) is for room that no task reserved
        Fleet     fixed: 8 container instances are paid for from the beginning to the end, used or not
        "#);
    }

    #[test]
    fn what_is_paid_is_told_in_its_currency_and_idle_room_before_discounts() {
        let summary = Summary(vec![
            metric(&("simulated_s", HOUR)),
            metric(&("total_usd", Value::Usd(NanoUsd(5_000_000_000)))),
            Metric { unit: "EUR", ..metric(&("total_in_currency", Value::Ratio(4.5))) },
            metric(&("ec2_usd", Value::Usd(NanoUsd(5_000_000_000)))),
            metric(&("private_discount_usd", Value::Usd(NanoUsd(5_000_000_000)))),
            metric(&("ec2_idle_usd", Value::Usd(NanoUsd(9_000_000_000)))),
            metric(&("usd_idle_percent", Value::Ratio(90.0))),
        ]);
        let text = to_text(&summary);
        let told = "$5.00 (4.50 EUR) for 1 h 00 m, all EC2; $9.00 of the EC2 price before discounts (90.0 %) is";
        assert!(text.contains(told), "{text}");
    }

    #[test]
    fn a_run_without_a_task_says_so() {
        let text = told(&[("tasks_submitted", Value::Count(0))]);
        assert!(text.contains("Tasks     none was asked for\n"), "{text}");
    }

    #[test]
    fn a_fleet_that_moves_is_not_called_fixed() {
        let moved = [("instances_launched", Value::Count(3)), ("instances_ended", Value::Count(1))];
        let text = told(&[&[("instances", Value::Count(4))], &moved[..]].concat());
        assert!(text.contains("moves: 3 container instances were launched and 1 ended"), "{text}");
        assert!(!text.contains("fixed"), "{text}");
        let failed = [("instances", Value::Count(4)), ("refreshes_failed", Value::Count(1))];
        let text = told(&[&failed[..], &moved[..]].concat());
        assert!(text.contains("to its end; an instance refresh failed"), "{text}");
        let warm = [("instances", Value::Count(4)), ("warm_starts", Value::Count(2))];
        let text = told(&warm);
        assert!(
            text.contains(
                "moves: 0 container instances were launched, 2 came from a warm pool and 0"
            ),
            "{text}"
        );
    }

    #[test]
    fn requests_and_a_bill_of_one_kind_are_told_shortly() {
        let text = told(&[
            ("simulated_s", HOUR),
            ("tasks_submitted", Value::Count(1)),
            ("tasks_placed", Value::Count(1)),
            ("wait_s_max", Value::Seconds(SimSpan(0))),
            ("services", Value::Count(1)),
            ("requests_offered", Value::Millionths(3_000_000_000)),
            ("requests_dropped", Value::Millionths(1_000_000)),
            ("request_latency_s_p95", Value::Seconds(SimSpan(84_000))),
            ("total_usd", Value::Usd(NanoUsd(2_000_000_000))),
            ("ec2_usd", Value::Usd(NanoUsd(0))),
            ("fargate_usd", Value::Usd(NanoUsd(2_000_000_000))),
        ]);
        insta::assert_snapshot!(text, @r#"
        Tasks     1 task, placed; none waited
        Requests  3,000 offered, 1 dropped (0.033 %); p95 latency 84 ms
        Cost      $2.00 for 1 h 00 m, all Fargate
        "#);
        assert_eq!(told(&[]), "");
    }
}
