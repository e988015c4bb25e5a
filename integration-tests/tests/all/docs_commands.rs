//! The commands of README and book do what they say: each page is followed in
//! a folder of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, ensure};
use katonic_integration_tests::guide;
use libtest_mimic::Trial;

use crate::{Shared, apart, shared};

/// Pages that stop the platform.
const STOPPING: [&str; 2] = ["backup", "one-machine"];

pub fn trials() -> Vec<Trial> {
    let pages = pages().expect("the repository's own documents");
    pages.into_iter().map(|page| trial(&page)).collect()
}

fn trial(page: &Path) -> Trial {
    let name = page.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_ascii_lowercase();
    let test = format!("the_commands_of_{}_do_what_it_says", name.replace('-', "_"));
    let stopping = STOPPING.contains(&&*name);
    let page = page.to_owned();
    let followed = move |platform: Shared| async move {
        // The folder's name is the project's.
        let scratch = platform.scratch()?;
        let folder = scratch.path().join(&name);
        fs::create_dir(&folder)?;
        let examples = root().join("examples");
        ensure!(Command::new("cp").arg("-R").arg(examples).arg(&folder).status()?.success());
        guide::follow(&platform, &folder, &fs::read_to_string(page)?).await
    };
    if stopping { apart(&test, followed) } else { shared(&test, followed) }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every document with commands that are marked to be run; the book includes some from beside it.
fn pages() -> Result<Vec<PathBuf>> {
    let mut found = vec![root().join("README.md")];
    let mut folders = vec![root().join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    found.into_iter().filter_map(|page| guide::has_commands(&page).map(|has| has.then_some(page)).transpose()).collect()
}
