//! Compiles `proto/` with protox (pure Rust, no protoc) into Rust types,
//! clients and servers, and one encoded descriptor set that keeps comments and
//! extension options, from which everything else is derived at run time.

use std::{env, error::Error, fs, path::PathBuf};

use prost_types::FileDescriptorSet;

const PROTO_ROOT: &str = "../../proto";
const OWN_PACKAGE: &str = "katonic.";
const POOL: &str = "crate::DESCRIPTOR_POOL";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={PROTO_ROOT}");
    let mut compiler = protox::Compiler::new([PROTO_ROOT])?;
    compiler.include_imports(true).include_source_info(true);
    compiler.open_files(own_proto_files()?)?;

    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptor_set.bin"), compiler.encode_file_descriptor_set())?;
    generate(compiler.file_descriptor_set())
}

fn own_proto_files() -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::from(PROTO_ROOT).join("katonic")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "proto") {
                files.push(path.strip_prefix(PROTO_ROOT)?.to_owned());
            }
        }
    }
    files.sort();
    Ok(files)
}

fn generate(set: FileDescriptorSet) -> Result<(), Box<dyn Error>> {
    let mut config = prost_build::Config::new();
    config.btree_map(["."]);
    for file in set.file.iter().filter(|file| file.package().starts_with(OWN_PACKAGE)) {
        for message in &file.message_type {
            let name = format!("{}.{}", file.package(), message.name());
            config.message_attribute(&name, "#[derive(::prost_reflect::ReflectMessage)]");
            config.message_attribute(
                &name,
                format!("#[prost_reflect(message_name = \"{name}\", descriptor_pool = \"{POOL}\")]"),
            );
        }
    }
    tonic_prost_build::configure().compile_fds_with_config(set, config)?;
    Ok(())
}
