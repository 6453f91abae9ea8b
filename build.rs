//! Turns the rule tables under `src/scan/rules/` into sorted static tables, so that nothing is parsed when a file is judged.
//!
//! What the tables may say is decided by `src/scan/rules/compile.rs`, which the unit tests share. A mistake ends the build.

use std::path::{Path, PathBuf};
use std::{env, fs};

#[path = "src/scan/rules/compile.rs"]
mod compile;
#[path = "src/scan/rules/condition.rs"]
mod condition;

fn main() {
    println!("cargo::rerun-if-changed=src/scan/rules");
    println!("cargo::rerun-if-changed=build.rs");
    if let Err(mistakes) = write_tables() {
        mistakes.lines().for_each(|line| println!("cargo::error=rule tables: {line}"));
    }
}

fn write_tables() -> Result<(), String> {
    let root = Path::new("src/scan/rules");
    let mut tables = compile::Tables::default();
    for folder in ["safe", "dangerous", "modules", "python2"] {
        for file in toml_files(&root.join(folder))? {
            let text = fs::read_to_string(&file).map_err(|e| format!("cannot read {}: {e}", file.display()))?;
            tables.add(folder, &file.display().to_string(), &text)?;
        }
    }
    tables.check()?;
    let out = env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?;
    let path = PathBuf::from(out).join("rule_tables.rs");
    fs::write(&path, tables.to_rust()).map_err(|e| format!("cannot write {}: {e}", path.display()))
}

fn toml_files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|e| format!("cannot list {}: {e}", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|e| format!("cannot list {}: {e}", folder.display()))?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
