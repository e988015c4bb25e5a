//! `docs/doctor.md`, made from the table of checks; and that each check is
//! tried in a situation that a test really makes.

use std::{collections::BTreeSet, fs, path::Path};

use super::{check::IT, checks};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/doctor.md");
/// No network file system can be mounted without a server for it: tried on a made-up one, beside the check.
const NOT_MADE: [&str; 1] = ["DATA_ON_NETWORK"];
const HEAD: &str = "\
# What `katonic doctor` looks for

Made from the table in `cli/src/doctor/checks/`. A *problem* ends `katonic doctor` with 1: something
does not work or is not safe. A *warning* is what works and will surprise somebody. Codes keep their
meaning for ever.
";

fn documentation() -> String {
    let mut text = HEAD.to_owned();
    for (title, checks) in checks::GROUPS {
        text.push_str(&format!(
            "\n## {title}\n\n| code | severity | why it matters | what to do |\n|---|---|---|---|\n"
        ));
        for check in *checks {
            let (severity, next) = (check.severity.name(), check.next.replace(IT, "…"));
            let cells = [format!("`{}`", check.code).as_str(), severity, check.cause, next.as_str()]
                .map(|cell| cell.replace('|', "\\|"));
            text.push_str(&format!("| {} |\n", cells.join(" | ")));
        }
    }
    text
}

#[test]
fn the_documentation_is_the_table() {
    if std::env::var_os("KATONIC_WRITE_DOCS").is_some() {
        fs::write(PATH, documentation()).expect("docs/doctor.md is writable");
    }
    assert!(
        fs::read_to_string(PATH).is_ok_and(|text| text == documentation()),
        "docs/doctor.md is not the table: run `KATONIC_WRITE_DOCS=1 cargo test -p katonic-cli doctor`"
    );
}

#[test]
fn codes_are_unique() {
    let codes: BTreeSet<&str> = checks::all().map(|check| check.code).collect();
    assert_eq!(codes.len(), checks::all().count());
}

#[test]
fn every_check_has_a_test_that_makes_its_situation() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut tests = String::new();
    for folder in ["cli/tests/all", "integration-tests/tests/all"] {
        for file in fs::read_dir(repository.join(folder)).expect("a folder of tests").flatten() {
            tests.push_str(&fs::read_to_string(file.path()).unwrap_or_default());
        }
    }
    let untried: Vec<&str> = checks::all()
        .map(|check| check.code)
        .filter(|code| !NOT_MADE.contains(code) && !tests.contains(&format!("\"{code}\"")))
        .collect();
    assert!(untried.is_empty(), "make the situation and assert the finding, for {untried:?}");
}
