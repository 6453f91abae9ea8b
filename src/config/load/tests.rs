//! What a person sees who made a mistake in the configuration, and that the file with every key equals the defaults.

use std::collections::BTreeSet;
use std::path::Path;

use super::*;
use crate::config::EXAMPLE;

fn mistake(text: &str) -> String {
    parse(text, Path::new("modelscand.toml")).unwrap_err().to_string()
}

fn first_line(text: &str) -> String {
    mistake(text).lines().next().unwrap_or_default().to_owned()
}

#[test]
fn an_unknown_key_is_shown_with_its_place_and_the_nearest_right_one() {
    let expected = "\
modelscand.toml:4:1: unknown key `keep_dayz` in [vault], did you mean `keep_days`?
  |
4 | keep_dayz = 3
  | ^^^^^^^^^";
    assert_eq!(mistake("# é\n[vault]\npath = \"/v\"\nkeep_dayz = 3\n"), expected);
}

#[test]
fn mistakes_are_explained_in_peoples_words() {
    for (text, expected) in [
        ("[wacth]\n", "modelscand.toml:1:2: unknown key `wacth` at the top, did you mean `watch`?"),
        (
            "leave_note = false",
            "modelscand.toml:1:1: unknown key `leave_note` at the top; `leave_note` belongs in [vault]",
        ),
        (
            "[scan.limits]\nmax_dept = 3",
            "modelscand.toml:2:1: unknown key `max_dept` in [scan.limits], did you mean `max_depth`?",
        ),
        (
            "[policy.work]\nhihg = \"lock\"",
            "modelscand.toml:2:1: unknown key `hihg` in [policy.work], did you mean `high`?",
        ),
        (
            "[policy]\ndownloads = { critical = \"quarantaine\" }",
            "modelscand.toml:2:26: unknown value `quarantaine`, did you mean `quarantine`?",
        ),
        (
            "[policy.cache.huggingfase]\nhigh = \"lock\"",
            "modelscand.toml:1:15: unknown value `huggingfase`, did you mean `huggingface`?",
        ),
        (
            "[scan]\nworkers = \"two\"",
            "modelscand.toml:2:11: invalid type: string \"two\", expected a whole number, 0 or more",
        ),
        (
            "[scan]\nworkers = -1",
            "modelscand.toml:2:11: invalid value: integer `-1`, expected a whole number, 0 or more",
        ),
        ("[sandbox]\nrequire = \"yes\"", "modelscand.toml:2:11: invalid type: string \"yes\", expected true or false"),
        ("[watch]\npaths = \"/data\"", "modelscand.toml:2:9: invalid type: string \"/data\", expected a list in [ ]"),
        ("[[allow]]\ncallable = \"a.b\"", "modelscand.toml:1:1: the key `reason` is missing here"),
        (
            "[[allow]]\nreason = \"r\"\nsha257 = \"\"",
            "modelscand.toml:3:1: unknown key `sha257` in [allow], did you mean `sha256`?",
        ),
    ] {
        assert_eq!(first_line(text), expected, "{text}");
    }
}

#[test]
fn values_that_make_no_sense_are_refused() {
    let hash = "0".repeat(64);
    for (text, place, part) in [
        ("[watch]\npaths = [\"/a\", \"models\"]", "2:16", "must start with `/`"),
        ("[watch]\nexclude = [\"/a/[\"]", "2:12", "not a glob"),
        ("[watch]\ncaches = [\"keras\", \"keras\"]", "2:20", "listed twice"),
        ("[watch]\ncaches = [\"folder\"]", "2:11", "watch.paths"),
        ("[watch]\npoll_interval_s = 0", "2:19", "at least 1"),
        ("[scan]\nworkers = 1000", "2:11", "at most 256"),
        ("[scan.limits]\nmax_machine_bytes = 2_000_000_000", "2:21", "sandbox.memory_mb"),
        ("[log]\nlevel = \"inf\"", "2:9", "did you mean `info`?"),
        ("[log]\nlevel = \"info,modelscand::watch=loud\"", "2:9", "neither a level"),
        ("[history]\npath = \"history.db\"", "2:8", "must start with `/`"),
        ("[[allow]]\nreason = \"r\"", "1:1", "needs one of"),
        ("[[allow]]\nreason = \"r\"\ncallable = \"*\"", "3:12", "is not a callable"),
        ("[[allow]]\nreason = \"r\"\nsha256 = \"abc\"", "3:10", "64 hexadecimal digits"),
        ("[[allow]]\nreason = \" \"\ncallable = \"a.*\"", "2:10", "say why"),
        ("[[policy.rule]]\ndecision = \"lock\"\nrule = \"pickle.dangerous-cal\"", "3:8", "`pickle.dangerous-call`?"),
        ("[[policy.rule]]\ndecision = \"lock\"\nrule = [\"pickle.*\", \"pickel.*\"]", "3:21", "no finding has"),
        ("[[policy.rule]]\ndecision = \"lock\"\npath = \"models/*\"", "3:8", "starts with `/`"),
        ("[[policy.rule]]\ndecision = \"lock\"\nrepository = \"[\"", "3:14", "not a glob"),
        ("[[policy.rule]]\ndecision = \"lock\"\nsha256 = \"abc\"", "3:10", "64 hexadecimal digits"),
        ("[[policy.rule]]\ndecision = \"lock\"\nowner = []", "3:9", "an empty list matches nothing"),
        ("[[policy.rule]]\ndecision = \"lock\"\nseverity = \"hihg\"", "3:12", "did you mean `high`?"),
        ("[[policy.rule]]\ndecision = \"lock\"\nsevrity = \"high\"", "3:1", "did you mean `severity`?"),
        ("[[policy.rule]]\nseverity = \"high\"", "1:1", "`decision` is missing"),
    ] {
        let line = first_line(text);
        assert!(line.starts_with(&format!("modelscand.toml:{place}: ")) && line.contains(part), "{text}\n{line}");
    }
    let both = format!("[[allow]]\nreason = \"r\"\ncallable = \"a.b\"\nsha256 = \"{hash}\"");
    assert!(first_line(&both).contains("not both"));
}

#[test]
fn every_senseless_value_is_told_at_once() {
    let text = mistake("[watch]\npoll_interval_s = 0\npaths = [\"x\"]\n[log]\nlevel = \"loud\"\n");
    assert_eq!(text.matches("modelscand.toml:").count(), 3, "{text}");
}

#[test]
fn good_values_are_taken() {
    let text = "[watch]\npaths = [\"~/models\", \"/data\"]\n[log]\nlevel = \"info,modelscand::watch=debug\"\n\
                [policy.cache.mlflow]\nhigh = \"lock\"\n[[allow]]\ncallable = \"my_pkg.models.*\"\nreason = \"ours\"\n";
    let config = parse(text, Path::new("x")).unwrap();
    assert_eq!(config.allow.len(), 1);
    assert_eq!(config.watch.paths.len(), 2);
}

#[test]
fn hostile_bytes_in_a_file_do_not_reach_the_terminal() {
    let text = mistake("\"\\u001b[31m\" = 1\n# \u{1b}]0;x\u{7}\n");
    assert!(!text.contains('\u{1b}'), "{text:?}");
}

#[test]
fn the_file_with_every_key_equals_the_defaults() {
    assert_eq!(parse(EXAMPLE, Path::new("config/modelscand.toml")).unwrap(), Config::default());
}

#[test]
fn the_file_with_every_key_has_every_key() {
    let defaults = keys(&toml::Table::try_from(Config::default()).unwrap(), "");
    let listed = keys(&toml::from_str(EXAMPLE).unwrap(), "");
    let missing: Vec<_> =
        defaults.difference(&listed).filter(|key| !["allow", "policy.rule"].contains(&key.as_str())).collect();
    assert!(missing.is_empty(), "not in config/modelscand.toml: {missing:?}");
}

#[test]
fn every_key_of_the_file_says_why() {
    let lines: Vec<&str> = EXAMPLE.lines().collect();
    for pair in lines.windows(2) {
        if pair[1].split_once(" = ").is_some_and(|(key, _)| !key.starts_with('#')) {
            assert!(pair[0].starts_with("# "), "no comment above: {}", pair[1]);
        }
    }
}

fn keys(table: &toml::Table, path: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for (name, value) in table {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match value {
            toml::Value::Table(inner) if !inner.is_empty() => all.extend(keys(inner, &path)),
            _ => drop(all.insert(path)),
        }
    }
    all
}
