//! Turns the tables of data into sorted Rust tables, and refuses those that contradict themselves.
//!
//! The build script and the unit tests include this file. It knows the shape of the TOML files and what must hold between their
//! entries; it does not judge anything. A mistake in a table is an error of the build that names the file and the entry.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;

use super::condition::Condition;

/// One file of safe callables.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SafeFile {
    source: String,
    group: Vec<SafeGroup>,
}

/// Callables that share a class; the names hold in each of the modules.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SafeGroup {
    class: SafeClass,
    modules: Vec<String>,
    names: Vec<String>,
    condition: Option<String>,
    #[serde(default)]
    call: bool,
    source: Option<String>,
    /// Why entries may stand below a module that is dangerous as a whole.
    inside_dangerous: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum SafeClass {
    Inert,
    Model,
    Reference,
    Conditional,
}

/// One file of dangerous modules and callables.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DangerousFile {
    source: String,
    group: Vec<DangerousGroup>,
}

/// Without `names` each module is meant as a whole, with everything below it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DangerousGroup {
    severity: String,
    reason: String,
    modules: Vec<String>,
    names: Option<Vec<String>>,
    source: Option<String>,
}

/// The names of Python's own modules, and how the walk through a dotted name is judged.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ModulesFile {
    source: String,
    standard_library: Option<Vec<String>>,
    no_place: Option<Vec<NoPlaceGroup>>,
    aliases: Option<BTreeMap<String, String>>,
    ordinary_words: Option<Vec<String>>,
    telltale_names: Option<Vec<String>>,
    escape_names: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NoPlaceGroup {
    reason: String,
    packages: Vec<String>,
}

/// Names of Python 2 and what Python 3 reads in their place.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Python2File {
    source: String,
    modules: BTreeMap<String, String>,
    names: BTreeMap<String, String>,
}

/// What was wrong in a table: the file and a sentence.
pub type Mistake = String;

/// All tables under construction, by full dotted path.
#[derive(Debug, Default)]
pub struct Tables {
    safe: BTreeMap<String, Safe>,
    dangerous: BTreeMap<String, Danger>,
    standard_library: BTreeMap<String, ()>,
    no_place: BTreeMap<String, String>,
    aliases: BTreeMap<String, String>,
    ordinary_words: BTreeMap<String, ()>,
    telltale_names: BTreeMap<String, ()>,
    escape_names: BTreeMap<String, ()>,
    python2_modules: BTreeMap<String, String>,
    python2_names: BTreeMap<String, String>,
}

#[derive(Debug)]
struct Safe {
    expression: String,
    file: String,
    inside_dangerous: bool,
}

#[derive(Debug)]
struct Danger {
    severity: &'static str,
    reason: String,
    file: String,
}

impl Tables {
    /// Takes in one file; `folder` is `safe`, `dangerous`, `modules` or `python2` and tells its shape.
    pub fn add(&mut self, folder: &str, file: &str, text: &str) -> Result<(), Mistake> {
        let result = match folder {
            "safe" => toml::from_str(text).map_err(|e| e.to_string()).and_then(|f| self.add_safe(file, f)),
            "dangerous" => toml::from_str(text).map_err(|e| e.to_string()).and_then(|f| self.add_dangerous(file, f)),
            "modules" => toml::from_str(text).map_err(|e| e.to_string()).and_then(|f| self.add_modules(f)),
            "python2" => toml::from_str(text).map_err(|e| e.to_string()).and_then(|f| self.add_python2(f)),
            other => Err(format!("unknown folder of tables `{other}`")),
        };
        result.map_err(|e| format!("{file}: {e}"))
    }

    fn add_safe(&mut self, file: &str, content: SafeFile) -> Result<(), Mistake> {
        need_text("source", &content.source)?;
        for group in content.group {
            if let Some(source) = &group.source {
                need_text("source", source)?;
            }
            let expression = group.expression()?;
            for path in paths(&group.modules, &group.names)? {
                let inside_dangerous = group.inside_dangerous.as_ref().is_some_and(|why| !why.is_empty());
                let entry = Safe { expression: expression.clone(), file: file.to_owned(), inside_dangerous };
                if let Some(old) = self.safe.insert(path.clone(), entry) {
                    return Err(format!("`{path}` is already listed in {}", old.file));
                }
            }
        }
        Ok(())
    }

    fn add_dangerous(&mut self, file: &str, content: DangerousFile) -> Result<(), Mistake> {
        need_text("source", &content.source)?;
        for group in content.group {
            need_text("reason", &group.reason)?;
            if let Some(source) = &group.source {
                need_text("source", source)?;
            }
            let severity = severity(&group.severity)?;
            let paths = match &group.names {
                Some(names) => paths(&group.modules, names)?,
                None => group.modules.iter().map(|m| check_path(m).map(|()| m.clone())).collect::<Result<_, _>>()?,
            };
            for path in paths {
                let entry = Danger { severity, reason: group.reason.clone(), file: file.to_owned() };
                if let Some(old) = self.dangerous.insert(path.clone(), entry) {
                    return Err(format!("`{path}` is already listed in {}", old.file));
                }
            }
        }
        Ok(())
    }

    fn add_modules(&mut self, content: ModulesFile) -> Result<(), Mistake> {
        need_text("source", &content.source)?;
        add_words(&mut self.standard_library, content.standard_library)?;
        add_words(&mut self.ordinary_words, content.ordinary_words)?;
        add_words(&mut self.telltale_names, content.telltale_names)?;
        add_words(&mut self.escape_names, content.escape_names)?;
        for (alias, package) in content.aliases.unwrap_or_default() {
            self.aliases.insert(alias, package);
        }
        for group in content.no_place.unwrap_or_default() {
            need_text("reason", &group.reason)?;
            for package in group.packages {
                check_path(&package)?;
                if self.no_place.insert(package.clone(), group.reason.clone()).is_some() {
                    return Err(format!("`{package}` is listed twice"));
                }
            }
        }
        Ok(())
    }

    fn add_python2(&mut self, content: Python2File) -> Result<(), Mistake> {
        need_text("source", &content.source)?;
        self.python2_modules.extend(content.modules);
        self.python2_names.extend(content.names);
        Ok(())
    }

    /// Refuses what contradicts itself once all files are in. All contradictions are told at once.
    pub fn check(&self) -> Result<(), Mistake> {
        let both = self.no_place.keys().filter(|package| self.standard_library.contains_key(*package));
        let both = both.map(|package| format!("`{package}` is of the standard library and of no place in models"));
        let mistakes: Vec<Mistake> =
            self.safe.iter().filter_map(|(path, safe)| self.contradiction(path, safe)).chain(both).collect();
        if mistakes.is_empty() { Ok(()) } else { Err(mistakes.join("\n")) }
    }

    fn contradiction(&self, path: &str, safe: &Safe) -> Option<Mistake> {
        let (above, danger) = self.dangerous_above(path)?;
        if above == path {
            return Some(format!("`{path}` is safe in {} and dangerous in {}", safe.file, danger.file));
        }
        (!safe.inside_dangerous).then(|| {
            let (here, there) = (&safe.file, &danger.file);
            format!("`{path}` is safe in {here} while `{above}` is dangerous in {there}; say why in `inside-dangerous`")
        })
    }

    /// The dangerous entry that covers `path`: itself or the nearest one above.
    fn dangerous_above<'p>(&self, path: &'p str) -> Option<(&'p str, &Danger)> {
        let ends = path.match_indices('.').map(|(at, _)| at).chain([path.len()]);
        let mut above: Vec<&str> = ends.filter_map(|end| path.get(..end)).collect();
        above.reverse();
        above.into_iter().find_map(|part| self.dangerous.get(part).map(|danger| (part, danger)))
    }

    /// The tables as Rust source, sorted for binary search, and the version of the rule set.
    pub fn to_rust(&self) -> String {
        let mut out = String::new();
        table(&mut out, "SAFE", "Safe", self.safe.iter().map(|(k, v)| (k, v.expression.clone())));
        let dangerous = self
            .dangerous
            .iter()
            .map(|(k, v)| (k, format!("Danger {{ severity: Severity::{}, reason: {:?} }}", v.severity, v.reason)));
        table(&mut out, "DANGEROUS", "Danger", dangerous);
        table(&mut out, "STANDARD_LIBRARY", "()", self.standard_library.keys().map(|k| (k, "()".to_owned())));
        table(&mut out, "NO_PLACE", "&str", texts(&self.no_place));
        table(&mut out, "ALIASES", "&str", texts(&self.aliases));
        table(&mut out, "ORDINARY_WORDS", "()", self.ordinary_words.keys().map(|k| (k, "()".to_owned())));
        table(&mut out, "TELLTALE_NAMES", "()", self.telltale_names.keys().map(|k| (k, "()".to_owned())));
        table(&mut out, "ESCAPE_NAMES", "()", self.escape_names.keys().map(|k| (k, "()".to_owned())));
        table(&mut out, "PYTHON2_MODULES", "&str", texts(&self.python2_modules));
        table(&mut out, "PYTHON2_NAMES", "&str", texts(&self.python2_names));
        let version = fnv1a(&out);
        let _ = writeln!(out, "pub(super) const VERSION: u32 = {version};");
        out
    }
}

impl SafeGroup {
    fn expression(&self) -> Result<String, Mistake> {
        let of = || format!("group of `{}.{}`", first(&self.modules), first(&self.names));
        if self.call && self.class != SafeClass::Model {
            return Err(format!("{}: `call` is for class `model` only", of()));
        }
        match (self.class, &self.condition) {
            (SafeClass::Conditional, Some(word)) => {
                let known = Condition::ALL.iter().find(|c| c.word() == word);
                let condition = known.ok_or_else(|| format!("{}: unknown condition `{word}`", of()))?;
                Ok(format!("Safe::Conditional(Condition::{})", condition.variant()))
            }
            (SafeClass::Conditional, None) => Err(format!("{}: class `conditional` needs a `condition`", of())),
            (_, Some(_)) => Err(format!("{}: `condition` is for class `conditional` only", of())),
            (SafeClass::Inert, None) => Ok("Safe::Inert".to_owned()),
            (SafeClass::Reference, None) => Ok("Safe::Reference".to_owned()),
            (SafeClass::Model, None) => Ok(format!("Safe::Model {{ call: {} }}", self.call)),
        }
    }
}

fn first(list: &[String]) -> &str {
    list.first().map_or("", String::as_str)
}

fn paths(modules: &[String], names: &[String]) -> Result<Vec<String>, Mistake> {
    if modules.is_empty() || names.is_empty() {
        return Err("a group needs at least one module and one name".to_owned());
    }
    let mut paths = Vec::with_capacity(modules.len() * names.len());
    for module in modules {
        for name in names {
            let path = format!("{module}.{name}");
            check_path(&path)?;
            paths.push(path);
        }
    }
    Ok(paths)
}

/// An entry is exact: identifiers between dots and nothing that looks like a pattern.
fn check_path(path: &str) -> Result<(), Mistake> {
    let is_segment = |s: &str| !s.is_empty() && s.chars().all(|c| c == '_' || c.is_alphanumeric());
    if path.split('.').all(is_segment) { Ok(()) } else { Err(format!("`{path}` is not an exact dotted name")) }
}

fn need_text(key: &str, value: &str) -> Result<(), Mistake> {
    if value.trim().is_empty() { Err(format!("`{key}` is empty")) } else { Ok(()) }
}

fn severity(word: &str) -> Result<&'static str, Mistake> {
    match word {
        "critical" => Ok("Critical"),
        "high" => Ok("High"),
        "medium" => Ok("Medium"),
        other => Err(format!("unknown severity `{other}`, expected critical, high or medium")),
    }
}

fn add_words(table: &mut BTreeMap<String, ()>, words: Option<Vec<String>>) -> Result<(), Mistake> {
    for word in words.unwrap_or_default() {
        check_path(&word)?;
        if table.insert(word.clone(), ()).is_some() {
            return Err(format!("`{word}` is listed twice"));
        }
    }
    Ok(())
}

fn texts(map: &BTreeMap<String, String>) -> impl Iterator<Item = (&String, String)> {
    map.iter().map(|(k, v)| (k, format!("{v:?}")))
}

fn table<'a>(out: &mut String, name: &str, value: &str, rows: impl Iterator<Item = (&'a String, String)>) {
    let _ = writeln!(out, "pub(super) static {name}: &[(&str, {value})] = &[");
    for (key, row) in rows {
        let _ = writeln!(out, "    ({key:?}, {row}),");
    }
    out.push_str("];\n");
}

/// FNV-1a: stable over builds and machines, which is all that a version needs.
fn fnv1a(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
