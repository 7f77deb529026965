//! Which shard a process is, from what the engine that started it says: Slurm, AWS Batch, Kubernetes.

use crate::experiment::sweep::Shard;

/// How many shards there are, where the engine does not say, or says it only of the tasks that it was asked for again.
const SHARDS: &str = "ECSIM_SHARDS";

/// A shard, and which engine said so.
pub struct Found {
    pub shard: Shard,
    pub engine: &'static str,
}

/// The shard that the variables of an array name; `variable` reads one.
///
/// # Errors
/// No engine, several of them, or numbers that make no shard.
pub fn find(variable: impl Fn(&str) -> Option<String>) -> Result<Found, String> {
    let is_set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
    let engines: [(&'static str, &str); 3] = [
        ("Slurm", "SLURM_ARRAY_TASK_ID"),
        ("AWS Batch", "AWS_BATCH_JOB_ARRAY_INDEX"),
        ("Kubernetes", "JOB_COMPLETION_INDEX"),
    ];
    let found: Vec<&(&'static str, &str)> =
        engines.iter().filter(|(_, index)| is_set(index)).collect();
    let number = |name: &str| -> Result<Option<u64>, String> {
        match variable(name).filter(|value| !value.is_empty()) {
            None => Ok(None),
            Some(text) => match text.parse() {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(format!("{name}={text} is no whole number from 0")),
            },
        }
    };
    let (engine, index) = match found[..] {
        [(engine, index)] => (*engine, number(index)?.unwrap_or_default()),
        [] => {
            let names = engines.map(|(engine, index)| format!("{index} ({engine})")).join(", ");
            return Err(format!("no array was found: none of {names} is set"));
        }
        _ => {
            let names: Vec<&str> = found.iter().map(|(engine, _)| *engine).collect();
            let names = names.join(" and ");
            return Err(format!("the variables of {names} are set: name the shard as I/N"));
        }
    };
    let shards = number(SHARDS)?;
    let (from_0, count) = match (engine, shards) {
        (_, Some(count)) => (index, count),
        ("Slurm", None) => slurm(index, number)?,
        ("AWS Batch", None) => {
            let size = number("AWS_BATCH_JOB_ARRAY_SIZE")?;
            (index, size.ok_or("AWS_BATCH_JOB_ARRAY_SIZE is not set")?)
        }
        _ => {
            return Err(format!(
                "{engine} says which index this is and not how many there are: set {SHARDS} to it"
            ));
        }
    };
    let shard = Shard::new(from_0.saturating_add(1), count)
        .map_err(|why| format!("{engine}, index {from_0} (from 0): {why}"))?;
    Ok(Found { shard, engine })
}

/// The task's number from 0 and the number of tasks of a whole array, without gaps.
fn slurm(
    id: u64,
    number: impl Fn(&str) -> Result<Option<u64>, String>,
) -> Result<(u64, u64), String> {
    let first = number("SLURM_ARRAY_TASK_MIN")?.unwrap_or(0);
    let last = number("SLURM_ARRAY_TASK_MAX")?;
    let count = number("SLURM_ARRAY_TASK_COUNT")?;
    let step = number("SLURM_ARRAY_TASK_STEP")?.unwrap_or(1).max(1);
    let (Some(last), Some(count)) = (last, count) else {
        return Err("SLURM_ARRAY_TASK_MAX and SLURM_ARRAY_TASK_COUNT are not set".into());
    };
    let is_whole = last >= first && (last - first) / step + 1 == count && id >= first;
    match is_whole {
        true => Ok(((id - first) / step, count)),
        // Some tasks of an array that are run again would otherwise share the grid among themselves.
        false => Err(format!(
            "the array has gaps ({count} tasks from {first} to {last}): set {SHARDS} to the number of shards of the \
             whole array, whose indices begin at 0"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(variables: &[(&str, &str)]) -> Result<String, String> {
        let of = |name: &str| {
            let found = variables.iter().find(|(of, _)| *of == name);
            found.map(|(_, value)| (*value).to_string())
        };
        find(of).map(|found| format!("{} {}", found.engine, found.shard))
    }

    #[test]
    fn each_engine_says_which_shard_it_is_in_variables_of_its_own() {
        let slurm = |id: &'static str, count: &'static str| {
            [
                ("SLURM_ARRAY_TASK_ID", id),
                ("SLURM_ARRAY_TASK_MIN", "0"),
                ("SLURM_ARRAY_TASK_MAX", "15"),
                ("SLURM_ARRAY_TASK_COUNT", count),
            ]
        };
        assert_eq!(found(&slurm("3", "16")), Ok("Slurm 4/16".into()));
        let batch = [("AWS_BATCH_JOB_ARRAY_INDEX", "0"), ("AWS_BATCH_JOB_ARRAY_SIZE", "8")];
        assert_eq!(found(&batch), Ok("AWS Batch 1/8".into()));
        let kubernetes = [("JOB_COMPLETION_INDEX", "7"), ("ECSIM_SHARDS", "8")];
        assert_eq!(found(&kubernetes), Ok("Kubernetes 8/8".into()));
        // From 1 on, and with a step.
        let from_one = [
            ("SLURM_ARRAY_TASK_ID", "5"),
            ("SLURM_ARRAY_TASK_MIN", "1"),
            ("SLURM_ARRAY_TASK_MAX", "7"),
            ("SLURM_ARRAY_TASK_STEP", "2"),
            ("SLURM_ARRAY_TASK_COUNT", "4"),
        ];
        assert_eq!(found(&from_one), Ok("Slurm 3/4".into()));
        // Some tasks of an array again: the number of shards must be told.
        assert!(found(&slurm("3", "2")).unwrap_err().contains("gaps"));
        let mut again = slurm("3", "2").to_vec();
        again.push(("ECSIM_SHARDS", "16"));
        assert_eq!(found(&again), Ok("Slurm 4/16".into()));
    }

    #[test]
    fn what_names_no_shard_is_refused() {
        assert!(found(&[]).unwrap_err().contains("no array was found"));
        assert!(found(&[("JOB_COMPLETION_INDEX", "0")]).unwrap_err().contains("ECSIM_SHARDS"));
        let above = [("JOB_COMPLETION_INDEX", "8"), ("ECSIM_SHARDS", "8")];
        assert!(found(&above).unwrap_err().contains("there is no shard 9 of 8"));
        let wrong = [("JOB_COMPLETION_INDEX", "x"), ("ECSIM_SHARDS", "8")];
        assert!(found(&wrong).unwrap_err().contains("JOB_COMPLETION_INDEX=x"));
        let two = [("JOB_COMPLETION_INDEX", "0"), ("AWS_BATCH_JOB_ARRAY_INDEX", "0")];
        assert!(found(&two).unwrap_err().contains("AWS Batch and Kubernetes"));
    }
}
