//! Compiles the floor's own contract. It is not the product's: a floor that
//! shared the product's contract would have to follow each of its changes.

use std::error::Error;

const CONTRACT: &str = "proto/floor.proto";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={CONTRACT}");
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).open_file(CONTRACT)?;
    let mut config = prost_build::Config::new();
    // The floor's gateway writes its answers as JSON.
    config.message_attribute(".", "#[derive(serde::Serialize, serde::Deserialize)]");
    config.message_attribute(".", "#[serde(rename_all = \"camelCase\", default)]");
    tonic_prost_build::configure().compile_fds_with_config(compiler.file_descriptor_set(), config)?;
    Ok(())
}
