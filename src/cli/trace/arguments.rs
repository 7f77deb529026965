//! Values of arguments: text to sizes, shapes and distributions. Errors complete clap's "invalid value ...: ".

use crate::base::decimal;
use crate::base::distribution::Distribution;
use crate::base::suggest;
use crate::base::time::{SimSpan, SimTime};
use crate::model::traffic::{RateEvent, TrafficFormat};
use crate::model::workload::{Bursts, SizeShare, TraceFormat};
use crate::scenario::diagnostic::Diagnostics;
use crate::scenario::file::read_text;
use crate::trace::Format;

/// The kinds of distribution with their parameters, and whether each is in the unit of the quantity.
const DISTRIBUTIONS: [(&str, &[(&str, bool)]); 7] = [
    ("constant", &[("value", true)]),
    ("uniform", &[("min", true), ("max", true)]),
    ("exponential", &[("mean", true)]),
    ("normal", &[("mean", true), ("sd", true)]),
    ("lognormal", &[("mean", true), ("sigma", false)]),
    ("pareto", &[("min", true), ("alpha", false)]),
    ("weibull", &[("scale", true), ("shape", false)]),
];
const EMPIRICAL: &str = "empirical";

/// The name of our own traffic format, which shares `native` with that of tasks.
const NATIVE_TRAFFIC: &str = "traffic";

/// The name of a trace format, of tasks or of requests.
pub(super) fn format(text: &str) -> Result<Format, String> {
    let tasks = TraceFormat::ALL.into_iter().map(|(format, name)| (Format::Tasks(format), name));
    let traffic = TrafficFormat::ALL.into_iter().map(|(format, name)| match format {
        TrafficFormat::Native => (Format::Traffic(format), NATIVE_TRAFFIC),
        _ => (Format::Traffic(format), name),
    });
    let known: Vec<(Format, &str)> = tasks.chain(traffic).collect();
    if let Some((format, _)) = known.iter().find(|(_, name)| *name == text) {
        return Ok(*format);
    }
    let names: Vec<&str> = known.into_iter().map(|(_, name)| name).collect();
    Err(match suggest::nearest(text, names.iter().copied()) {
        Some(near) => format!("unknown format, did you mean {near}?"),
        None => format!("unknown format; known: {}", names.join(", ")),
    })
}

/// `AT:OVER:FACTOR`.
pub(super) fn ramp(text: &str) -> Result<RateEvent, String> {
    let [at, over, factor] = parts(text, "AT:OVER:FACTOR, such as 2h:30m:3")?;
    Ok(RateEvent::Ramp { at: instant(at)?, over: span(over)?, factor: number(factor)? })
}

/// `AT:FACTOR:LASTS`.
pub(super) fn step(text: &str) -> Result<RateEvent, String> {
    let [at, factor, lasts] = parts(text, "AT:FACTOR:LASTS, such as 2h:3:10m")?;
    Ok(RateEvent::Step { at: instant(at)?, factor: number(factor)?, lasts: Some(span(lasts)?) })
}

/// `AT:FACTOR:RISE:HOLDS:DECAY`.
pub(super) fn flash_crowd(text: &str) -> Result<RateEvent, String> {
    let [at, factor, rise, holds, decay] =
        parts(text, "AT:FACTOR:RISE:HOLDS:DECAY, such as 2h:8:3m:20m:30m")?;
    let (at, factor) = (instant(at)?, number(factor)?);
    let (rise, holds, decay) = (span(rise)?, span(holds)?, span(decay)?);
    Ok(RateEvent::FlashCrowd { at, factor, rise, holds, decay })
}

fn instant(text: &str) -> Result<SimTime, String> {
    span(text).map(|span| SimTime::ZERO + span)
}

fn parts<'a, const N: usize>(text: &'a str, expected: &str) -> Result<[&'a str; N], String> {
    let parts: Vec<&str> = text.split(':').collect();
    parts.try_into().map_err(|_| format!("expected {expected}"))
}

/// A finite number that is not negative.
pub(super) fn number(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && number >= 0.0 => Ok(number),
        Ok(_) => Err("must be finite and not negative".into()),
        Err(_) => Err("not a number".into()),
    }
}

/// A duration with its unit.
pub(super) fn span(text: &str) -> Result<SimSpan, String> {
    SimSpan::parse_with_unit(text)
}

/// MiB: a whole number, or one with the unit MiB, GiB or TiB.
pub(super) fn memory(text: &str) -> Result<u32, String> {
    const MOST: u64 = 1 << 30;
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let mib = if is_plain {
        crate::scenario::units::whole(text, 1, MOST)
    } else {
        crate::scenario::units::memory(text, 1, MOST)
    };
    mib.map(|mib| mib as u32)
}

/// A factor in parts per million, above zero and at most a million.
pub(super) fn time_scale(text: &str) -> Result<u64, String> {
    match decimal::parse_scaled(text.as_bytes(), 6) {
        Ok(ppm @ 1..=1_000_000_000_000) => Ok(ppm),
        Ok(_) => Err("must be from 0.000001 to 1000000".into()),
        Err(error) => Err(error.to_string()),
    }
}

/// A percentage in parts per million.
pub(super) fn failures(text: &str) -> Result<u32, String> {
    match decimal::parse_scaled(text.as_bytes(), 4) {
        Ok(ppm @ 0..=1_000_000) => Ok(ppm as u32),
        Ok(_) => Err("must be from 0 to 100".into()),
        Err(error) => Err(error.to_string()),
    }
}

/// `CPU_UNITS:MIB[:WEIGHT[:GPUS]]`.
pub(super) fn size(text: &str) -> Result<SizeShare, String> {
    let parts: Vec<&str> = text.split(':').collect();
    let (cpu, memory, weight, gpus) = match parts[..] {
        [cpu, memory] => (cpu, memory, "1", "0"),
        [cpu, memory, weight] => (cpu, memory, weight, "0"),
        [cpu, memory, weight, gpus] => (cpu, memory, weight, gpus),
        _ => return Err("expected CPU_UNITS:MIB[:WEIGHT[:GPUS]], such as 256:512:4".into()),
    };
    let whole = |what: &str, text: &str, most: u64| {
        decimal::parse_whole(text.as_bytes(), most).map_err(|error| format!("{what}: {error}"))
    };
    Ok(SizeShare {
        cpu: whole("CPU units", cpu, 1 << 24)? as u32,
        memory: whole("MiB", memory, 1 << 30)? as u32,
        gpus: whole("GPUs", gpus, 1_024)? as u16,
        weight: number(weight).map_err(|error| format!("weight: {error}"))?,
    })
}

/// `factor=5,gap=1h,length=5m`.
pub(super) fn bursts(text: &str) -> Result<Bursts, String> {
    let [factor, gap, length] = parameters(text, ["factor", "gap", "length"])?;
    Ok(Bursts {
        factor: number(factor).map_err(|error| format!("factor: {error}"))?,
        mean_gap_s: seconds(gap).map_err(|error| format!("gap: {error}"))?,
        mean_length_s: seconds(length).map_err(|error| format!("length: {error}"))?,
    })
}

/// The values of `name=value` pairs, each name once.
fn parameters<'a, const N: usize>(text: &'a str, names: [&str; N]) -> Result<[&'a str; N], String> {
    let found = pairs(text, &names)?;
    Ok(std::array::from_fn(|index| found[index]))
}

fn pairs<'a>(text: &'a str, names: &[&str]) -> Result<Vec<&'a str>, String> {
    let mut values = vec![None; names.len()];
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let (name, value) =
            part.split_once('=').ok_or_else(|| format!("`{part}` is not NAME=VALUE"))?;
        let Some(index) = names.iter().position(|known| *known == name.trim()) else {
            return Err(format!("unknown `{name}`; known: {}", names.join(", ")));
        };
        if values[index].replace(value.trim()).is_some() {
            return Err(format!("`{name}` is given twice"));
        }
    }
    let missing: Vec<&str> =
        names.iter().zip(&values).filter(|(_, v)| v.is_none()).map(|(name, _)| *name).collect();
    if missing.is_empty() {
        Ok(values.into_iter().flatten().collect())
    } else {
        Err(format!("missing {}", missing.join(", ")))
    }
}

/// Seconds, plain or with a unit.
fn seconds(text: &str) -> Result<f64, String> {
    number(text).or_else(|_| SimSpan::parse_with_unit(text).map(SimSpan::to_secs_f64))
}

/// A distribution of seconds.
pub(super) fn duration(text: &str) -> Result<Distribution, String> {
    distribution(text, seconds)
}

/// A distribution of numbers.
pub(super) fn count(text: &str) -> Result<Distribution, String> {
    distribution(text, number)
}

/// A constant, or a kind with its parameters; `quantity` reads what is in the unit of the quantity.
fn distribution(
    text: &str,
    quantity: fn(&str) -> Result<f64, String>,
) -> Result<Distribution, String> {
    let Some((kind, rest)) = text.split_once(':') else {
        return quantity(text).map(Distribution::Constant).map_err(|error| {
            let kinds = || DISTRIBUTIONS.into_iter().map(|(name, _)| name).chain([EMPIRICAL]);
            match suggest::nearest(text, kinds()) {
                Some(near) => format!("`{near}` needs parameters, such as {near}:..."),
                None => error,
            }
        });
    };
    if kind == EMPIRICAL {
        return empirical(rest, quantity);
    }
    let Some((_, known)) = DISTRIBUTIONS.into_iter().find(|(name, _)| *name == kind) else {
        let names: Vec<&str> =
            DISTRIBUTIONS.into_iter().map(|(name, _)| name).chain([EMPIRICAL]).collect();
        return Err(format!("unknown distribution `{kind}`; known: {}", names.join(", ")));
    };
    let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    let mut values = [0.0; 2];
    for (index, value) in pairs(rest, &names)?.into_iter().enumerate() {
        let (name, in_unit) = known[index];
        let read = if in_unit { quantity(value) } else { number(value) };
        values[index] = read.map_err(|error| format!("{name}: {error}"))?;
    }
    let [a, b] = values;
    Ok(match kind {
        "constant" => Distribution::Constant(a),
        "uniform" => Distribution::Uniform { min: a, max: b },
        "exponential" => Distribution::Exponential { mean: a },
        "normal" => Distribution::Normal { mean: a, sd: b },
        "lognormal" => Distribution::LogNormal { mean: a, sigma: b },
        "pareto" => Distribution::Pareto { min: a, alpha: b },
        _ => Distribution::Weibull { scale: a, shape: b },
    })
}

/// The values of a file, plain or compressed, one `VALUE[,WEIGHT]` a line; blank lines and lines that begin with `#` do not count.
fn empirical(
    path: &str,
    quantity: fn(&str) -> Result<f64, String>,
) -> Result<Distribution, String> {
    let mut problems = Diagnostics::new();
    let text = read_text(std::path::Path::new(path), path, &mut problems);
    let text = text.ok_or_else(|| problems.to_string())?;
    let (mut values, mut weights) = (Vec::new(), Vec::new());
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let at = |error: String| format!("{path}:{}: {error}", index + 1);
        let (value, weight) = line.split_once(',').unwrap_or((line, "1"));
        values.push(quantity(value.trim()).map_err(at)?);
        weights.push(number(weight.trim()).map_err(at)?);
    }
    Distribution::empirical(values, &weights).map_err(|error| format!("{path}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distributions_are_read_with_their_parameters_in_any_order() {
        assert_eq!(duration("90s"), Ok(Distribution::Constant(90.0)));
        assert_eq!(duration("90"), Ok(Distribution::Constant(90.0)));
        let lognormal = Distribution::LogNormal { mean: 600.0, sigma: 1.5 };
        assert_eq!(duration("lognormal:sigma=1.5,mean=10m"), Ok(lognormal));
        assert_eq!(count("uniform:min=1,max=8"), Ok(Distribution::Uniform { min: 1.0, max: 8.0 }));
        let weibull = Distribution::Weibull { scale: 2.0, shape: 0.7 };
        assert_eq!(duration("weibull:scale=2,shape=0.7"), Ok(weibull));
    }

    #[test]
    fn what_is_wrong_with_an_argument_is_said() {
        for (text, part) in [
            ("lognormal:mean=60", "missing sigma"),
            ("lognormal:mean=60,sigma=1,sigma=2", "`sigma` is given twice"),
            ("lognormal:mu=1", "unknown `mu`; known: mean, sigma"),
            ("exponential:mean=-1s", "mean: unknown unit"),
            ("exponential:mean=nan", "mean: "),
            ("exponental:mean=1", "unknown distribution `exponental`; known: constant"),
            ("exponential", "`exponential` needs parameters"),
            ("pareto:min=1,alpha=2s", "alpha: not a number"),
            ("empirical:no/such/file", "no/such/file: cannot be read"),
        ] {
            let error = duration(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
        for text in ["", "256", "256:512:1:0:0", "-1:512", "256:x", "256:512:nan", "256:512:1:9999"]
        {
            assert!(size(text).is_err(), "{text}");
        }
        assert!(bursts("factor=5,gap=1h").unwrap_err().contains("missing length"));
        assert!(format("swff").unwrap_err().contains("did you mean swf?"));
        assert!(failures("101").is_err() && time_scale("0").is_err() && memory("0").is_err());
    }

    #[test]
    fn sizes_have_a_weight_of_one_and_no_gpus_unless_told() {
        let share = |weight, gpus| SizeShare { cpu: 256, memory: 512, gpus, weight };
        assert_eq!(size("256:512"), Ok(share(1.0, 0)));
        assert_eq!(size("256:512:2.5:4"), Ok(share(2.5, 4)));
    }
}
