//! `ecsim init`: a commented scenario to start from. The templates are scenarios that ship with the project.

use super::validate::write;
use crate::scenario::diagnostic::{quoted, suggestion};
use std::io::{self, Write};

/// Name, what it shows, text.
const TEMPLATES: [(&str, &str, &str); 4] = [
    (
        "batch",
        "batch tasks on a fixed fleet of EC2 instances",
        include_str!("../../scenarios/01-batch-on-ec2.toml"),
    ),
    (
        "fargate",
        "the same tasks on Fargate and Fargate Spot",
        include_str!("../../scenarios/03-fargate.toml"),
    ),
    (
        "mixed",
        "a fleet for the steady load, Fargate for the rest",
        include_str!("../../scenarios/08-ec2-and-fargate.toml"),
    ),
    (
        "service",
        "a service behind a load balancer, with traffic and auto scaling",
        include_str!("../../scenarios/30-web-service.toml"),
    ),
];

/// Print a commented scenario to start from
#[derive(clap::Args, Clone, Debug)]
#[command(
    after_help = "Examples:\n  ecsim init > batch.toml\n  ecsim init fargate > fargate.toml\n  ecsim init --list"
)]
pub struct InitArgs {
    /// Template
    #[arg(value_name = "TEMPLATE", default_value = "batch")]
    pub template: String,
    /// List the templates
    #[arg(long)]
    pub list: bool,
}

/// Why `init` failed.
#[derive(Debug, thiserror::Error)]
pub enum InitFailure {
    /// No such template: exit code 2.
    #[error("error: unknown template {}\n  = help: {help}", quoted(.name))]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        help: String,
    },
    /// The results could not be written.
    #[error("cannot write the results: {0}")]
    Output(#[from] io::Error),
}

/// Prints a template, or the list of them.
///
/// # Errors
/// See [`InitFailure`].
pub fn run(args: &InitArgs, out: &mut dyn Write) -> Result<(), InitFailure> {
    let mut text = String::new();
    if args.list {
        for (name, what, _) in TEMPLATES {
            text += &format!("{name:<10}{what}\n");
        }
        return Ok(write(out, &text)?);
    }
    let Some((_, _, template)) = TEMPLATES.iter().find(|(name, ..)| *name == args.template) else {
        let help = suggestion(&args.template, TEMPLATES.iter().map(|(name, ..)| *name));
        return Err(InitFailure::Unknown { name: args.template.clone(), help });
    };
    text += "#:schema ./scenario.schema.json\n";
    text += "# (made by `ecsim schema > scenario.schema.json`: editors then complete and check keys)\n\n";
    text += &renamed(template, &format!("my-{}", args.template));
    Ok(write(out, &text)?)
}

/// The template with a name of its own: results of `run` must not land in the folder of the scenario it was made from.
fn renamed(template: &str, name: &str) -> String {
    let mut lines: Vec<String> = template.lines().map(str::to_string).collect();
    let line = lines.iter_mut().find(|line| line.starts_with("name = "));
    *line.expect("the first name of a template is that of its scenario") =
        format!("name = {name:?}");
    lines.join("\n") + "\n"
}
