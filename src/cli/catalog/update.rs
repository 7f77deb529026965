//! `ecsim catalog update`: a price file from what AWS publishes.

use super::super::trace::write_whole;
use super::CatalogFailure;
use crate::base::text::visible;
use crate::catalog::update::{MAX_BYTES, Update};
use std::io::{Read as _, Write};
use std::path::{Path, PathBuf};

/// Arguments of `catalog update`.
#[derive(clap::Args, Clone, Debug)]
pub struct UpdateArgs {
    /// What AWS's clients and offer files say, JSON; price files, CSV
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Only prices of this region; may be given more than once
    #[arg(long = "region", value_name = "REGION")]
    pub regions: Vec<String>,
    /// The price file; - for standard output
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    pub out: PathBuf,
    /// Where rates of Savings Plans go, as tables of a scenario
    #[arg(long, value_name = "FILE")]
    pub plans: Option<PathBuf>,
    /// Replace files that are there
    #[arg(long)]
    pub force: bool,
}

/// Makes the price file. What was left out or is odd is returned, for stderr.
///
/// # Errors
/// [`CatalogFailure::Input`]: a file that cannot be read, everything that is wrong in the files, a result that is there
/// already; [`CatalogFailure::Output`] where `out` cannot take the results.
pub fn run(args: &UpdateArgs, out: &mut dyn Write) -> Result<Vec<String>, CatalogFailure> {
    let targets = [Some(&args.out), args.plans.as_ref()];
    for target in targets.into_iter().flatten() {
        if !args.force && target.as_os_str() != "-" && target.symlink_metadata().is_ok() {
            return Err(exists(target));
        }
    }
    let mut update = Update::new();
    for path in &args.files {
        let name = visible(&path.display().to_string()).into_owned();
        let bytes = read(path).map_err(|error| input(format!("cannot read {name}: {error}")))?;
        update.read(&name, &bytes);
    }
    let written = update.finish(&args.regions).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        input(lines.join("\n"))
    })?;
    let mut notes: Vec<String> = written.notes.iter().map(|note| format!("note: {note}")).collect();
    match &args.plans {
        Some(path) => put(path, &written.plans, args.force)?,
        None if !written.plans.is_empty() => {
            notes
                .push("note: rates of Savings Plans are left out; --plans FILE writes them".into());
        }
        None => {}
    }
    if args.out.as_os_str() == "-" {
        out.write_all(written.csv.as_bytes())?;
        out.flush()?;
    } else {
        put(&args.out, &written.csv, args.force)?;
        notes.push(format!("{} prices in {}", written.prices, args.out.display()));
    }
    Ok(notes)
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if path.as_os_str() == "-" {
        std::io::stdin().take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    } else {
        std::fs::File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    }
    if bytes.len() as u64 > MAX_BYTES {
        return Err(std::io::Error::other("it is larger than 2 GiB"));
    }
    Ok(bytes)
}

/// Writes a file that is complete or not there.
fn put(path: &Path, text: &str, force: bool) -> Result<(), CatalogFailure> {
    write_whole(path, text, force).map_err(|failure| {
        let text = failure.text();
        input(text.strip_prefix("error: ").unwrap_or(text).to_string())
    })
}

fn exists(path: &Path) -> CatalogFailure {
    input(format!("{}: is there already\n  = help: --force replaces it", path.display()))
}

fn input(text: String) -> CatalogFailure {
    CatalogFailure::Input(text)
}
