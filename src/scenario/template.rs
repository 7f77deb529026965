//! A scenario's file, read and parsed once, of which variants are made that differ in some keys.

use super::diagnostic::Diagnostics;
use super::resolved::text as quoted_text;
use super::set::{self, Setting};
use super::tree::{Data, Node};
use super::{Scenario, file, finish, read};
use std::path::{Path, PathBuf};

/// A file that says what is set in a scenario, so that mistakes can point into it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin {
    /// Its name, as messages show it.
    pub name: String,
    /// Its text.
    pub text: String,
}

impl Origin {
    /// Index of its text among the sources of errors: it is always the first.
    pub const SOURCE: u32 = 0;
}

/// A scenario's file, parsed.
#[derive(Clone, Debug)]
pub struct Template {
    name: String,
    text: String,
    base: PathBuf,
    root: Node,
}

/// Index of a template's own text among the sources of errors.
const SOURCE: u32 = 1;

impl Template {
    /// Reads a scenario's file. Values are looked at when a variant is made.
    ///
    /// # Errors
    /// The file cannot be read, or is neither TOML nor JSON.
    pub fn read(path: &Path) -> Result<Template, Diagnostics> {
        let mut problems = Diagnostics::new();
        let Some((name, text)) = read(path, &mut problems) else { return Err(problems) };
        Template::of_text(&text, &name, path.parent().unwrap_or(Path::new("")))
    }

    /// The same from text; `name` is the file's name for messages, `base` the folder of its paths.
    ///
    /// # Errors
    /// It is neither TOML nor JSON.
    pub fn of_text(text: &str, name: &str, base: &Path) -> Result<Template, Diagnostics> {
        let mut problems = Diagnostics::new();
        // Held free for the origin of a variant.
        problems.add_source("", "");
        let source = problems.add_source(name, text);
        assert_eq!(source, SOURCE, "the places in the tree are those of every variant");
        let root = file::parse(name, text, source, &mut problems).ok_or_else(|| {
            problems.sort();
            problems
        })?;
        Ok(Template { name: name.into(), text: text.into(), base: base.into(), root })
    }

    /// The scenario with `settings` of `origin` put into it, in order, and then `overrides`, the pairs of
    /// `--set KEY=VALUE`.
    ///
    /// # Errors
    /// Everything that is wrong with the scenario, with the files that it names and with what was set.
    pub fn with(
        &self,
        origin: &Origin,
        settings: &[Setting],
        overrides: &[(String, String)],
    ) -> Result<Scenario, Diagnostics> {
        let mut problems = Diagnostics::new();
        problems.add_source(&origin.name, &origin.text);
        problems.add_source(&self.name, &self.text);
        let mut root = self.root.clone();
        for setting in settings {
            set::apply_setting(&mut root, setting, &mut problems);
        }
        for (key, value) in overrides {
            set::apply(&mut root, key, value, &mut problems);
        }
        finish(&root, &self.name, &self.base, problems)
    }
}

/// A value as `--set KEY=VALUE` takes it: TOML on one line, text in quotes.
#[must_use]
pub fn to_toml(node: &Node) -> String {
    match &node.data {
        Data::Text(text) => quoted_text(text),
        Data::Flag(flag) => flag.to_string(),
        Data::Number(number) => number.clone(),
        // No key takes either: what is said of it is said when the variant is made.
        Data::Time | Data::Null => String::new(),
        Data::List(items) => {
            let items: Vec<String> = items.iter().map(to_toml).collect();
            format!("[{}]", items.join(", "))
        }
        Data::Table(entries) => {
            let is_bare = |key: &str| {
                let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
                !key.is_empty() && key.chars().all(plain)
            };
            let name = |key: &str| if is_bare(key) { key.to_string() } else { quoted_text(key) };
            let pairs = entries.iter().map(|e| format!("{} = {}", name(&e.key), to_toml(&e.value)));
            let pairs: Vec<String> = pairs.collect();
            if pairs.is_empty() { "{}".into() } else { format!("{{ {} }}", pairs.join(", ")) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_reads_back_as_it_was() {
        for value in [
            r#""a \"b\" \\ c""#,
            "12",
            "0.5",
            "true",
            "[1, [2, \"3\"]]",
            r#"{ a = 1, "b c" = [] }"#,
        ] {
            let node = |text: &str| {
                let mut problems = Diagnostics::new();
                let source = problems.add_source("--set", text);
                file::parse_value(text, source, 0, &mut problems).expect("it is TOML")
            };
            assert_eq!(to_toml(&node(value)), value);
        }
    }

    #[test]
    fn a_variant_is_the_scenario_with_its_keys_set() {
        let text = "[[capacity_provider]]\nname = \"a\"\ninstance_types = [\"m5.large\"]\ndesired_capacity = 1\n\
                    [[run_task]]\nname = \"j\"\ngenerate = { per_second = 0.1, until = \"1h\", duration = \"5m\", \
                    sizes = [{ cpu = 256, memory = 512 }] }\n";
        let template = Template::of_text(text, "x.toml", Path::new(".")).expect("it is TOML");
        let (name, of_grid) = ("grid.toml".to_string(), "size = 4\nodd = true\n".to_string());
        let origin = Origin { name, text: of_grid };
        let mut problems = Diagnostics::new();
        let source = problems.add_source(&origin.name, &origin.text);
        let tree = file::parse_toml(&origin.text, source, &mut problems).expect("it is TOML");
        let Data::Table(entries) = tree.data else { panic!("a table") };
        let set = |index: usize| Setting {
            key: "capacity_provider.a.desired_capacity".into(),
            key_place: entries[index].key_place,
            value: entries[index].value.clone(),
        };
        let plain = template.with(&origin, &[], &[]).expect("it is valid");
        assert_eq!(plain.setup.instances.len(), 1);
        let four = template.with(&origin, &[set(0)], &[]).expect("it is valid");
        assert_eq!(four.setup.instances.len(), 4);
        let overrides = [("capacity_provider.a.desired_capacity".to_string(), "2".to_string())];
        let two = template.with(&origin, &[set(0)], &overrides).expect("it is valid");
        assert_eq!(two.setup.instances.len(), 2);
        let wrong = template.with(&origin, &[set(1)], &[]).expect_err("a flag is no number");
        assert!(wrong.to_string().starts_with("error: "), "{wrong}");
        assert!(wrong.to_string().contains("grid.toml:2:7"), "{wrong}");
    }
}
