//! What the build refuses in a table.

use crate::scan::rules::compile::Tables;

fn build(files: &[(&str, &str)]) -> Result<String, String> {
    let mut tables = Tables::default();
    for (folder, text) in files {
        tables.add(folder, "table.toml", &format!("source = \"a test\"\n{text}"))?;
    }
    tables.check()?;
    Ok(tables.to_rust())
}

fn mistake(files: &[(&str, &str)]) -> String {
    build(files).expect_err("the tables were accepted")
}

const SAFE: &str = "[[group]]\nclass = \"inert\"\nmodules = [\"a.b\"]\nnames = [\"f\"]\n";

#[test]
fn sound_tables_become_source_and_a_version_that_follows_their_content() {
    let one = build(&[("safe", SAFE)]).unwrap();
    assert!(one.contains("(\"a.b.f\", Safe::Inert)"), "{one}");
    let other = build(&[("safe", &SAFE.replace("\"f\"", "\"g\""))]).unwrap();
    assert_ne!(one.lines().last(), other.lines().last());
}

#[test]
fn a_callable_that_is_listed_twice_is_refused() {
    assert!(mistake(&[("safe", SAFE), ("safe", SAFE)]).contains("`a.b.f` is already listed in table.toml"));
}

#[test]
fn a_callable_that_is_safe_and_dangerous_is_refused() {
    let danger = "[[group]]\nseverity = \"critical\"\nreason = \"runs code\"\nmodules = [\"a.b\"]\nnames = [\"f\"]\n";
    assert!(mistake(&[("safe", SAFE), ("dangerous", danger)]).contains("`a.b.f` is safe in table.toml and dangerous"));
}

#[test]
fn a_safe_callable_inside_a_dangerous_module_needs_a_reason() {
    let danger = "[[group]]\nseverity = \"critical\"\nreason = \"runs code\"\nmodules = [\"a\"]\n";
    assert!(mistake(&[("safe", SAFE), ("dangerous", danger)]).contains("`a` is dangerous"));
    let excused = format!("{SAFE}inside-dangerous = \"plain data\"\n");
    build(&[("safe", &excused), ("dangerous", danger)]).unwrap();
}

#[test]
fn words_that_mean_nothing_are_refused() {
    for (folder, text, says) in [
        ("safe", SAFE.replace("inert", "harmless"), "harmless"),
        ("safe", SAFE.replace("names", "name"), "unknown field"),
        ("safe", SAFE.replace("inert", "conditional"), "needs a `condition`"),
        ("safe", format!("{}condition = \"good\"\n", SAFE.replace("inert", "conditional")), "unknown condition `good`"),
        ("safe", format!("{SAFE}condition = \"getattr\"\n"), "for class `conditional` only"),
        ("safe", format!("{SAFE}call = true\n"), "for class `model` only"),
        ("safe", SAFE.replace("\"f\"", "\"*\""), "not an exact dotted name"),
        ("safe", SAFE.replace("\"f\"", ""), "at least one module and one name"),
        ("safe", format!("{SAFE}source = \" \"\n"), "`source` is empty"),
        (
            "dangerous",
            "[[group]]\nseverity = \"bad\"\nreason = \"x\"\nmodules = [\"a\"]\n".into(),
            "unknown severity `bad`",
        ),
        ("dangerous", "[[group]]\nseverity = \"high\"\nreason = \"\"\nmodules = [\"a\"]\n".into(), "`reason` is empty"),
        ("modules", "standard-library = [\"os\", \"os\"]\n".into(), "`os` is listed twice"),
    ] {
        let mistake = mistake(&[(folder, &text)]);
        assert!(mistake.contains(says), "{mistake}");
    }
}

#[test]
fn a_package_is_not_of_the_standard_library_and_of_no_place_at_once() {
    let text = "standard-library = [\"a\"]\n[[no-place]]\nreason = \"x\"\npackages = [\"a\"]\n";
    assert!(mistake(&[("modules", text)]).contains("`a` is of the standard library"));
}
