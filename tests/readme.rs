//! README.md says of itself what the program says.

use modelscand::scan::formats::FORMATS;

const START: &str = "<!-- formats: made from the program's own list; tests/readme.rs keeps it equal -->\n";
const END: &str = "<!-- end of formats -->";

fn table() -> String {
    let mut table = String::from("| format | recognised by | what is looked for |\n| --- | --- | --- |\n");
    for format in FORMATS {
        table += &format!("| {} | {} | {} |\n", format.title, format.recognised_by, format.looks_for);
    }
    table
}

/// Run with `MODELSCAND_WRITE_README=1` to write the table anew.
#[test]
fn the_table_of_formats_is_the_programs_own() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = std::fs::read_to_string(path).unwrap();
    let (before, rest) = readme.split_once(START).expect("the start of the table");
    let (written, after) = rest.split_once(END).expect("the end of the table");
    if std::env::var_os("MODELSCAND_WRITE_README").is_some() {
        std::fs::write(path, format!("{before}{START}{}{END}{after}", table())).unwrap();
    } else {
        assert_eq!(written, table(), "run this test once with MODELSCAND_WRITE_README=1");
    }
}
