//! Puts the BPF object that `cargo xtask build-ebpf` made beside the code that embeds it.

use std::path::Path;
use std::{env, fs};

fn main() {
    let root = env::var("CARGO_MANIFEST_DIR").map(|agent| Path::new(&agent).join("..")).unwrap_or_default();
    let object = env::var_os("SPANWIRE_BPF_OBJECT")
        .map_or_else(|| root.join("target/bpf/spanwire.bpf.o"), |path| Path::new(&path).to_path_buf());
    println!("cargo:rerun-if-env-changed=SPANWIRE_BPF_OBJECT");
    println!("cargo:rerun-if-changed={}", object.display());

    let output = Path::new(&env::var("OUT_DIR").unwrap_or_default()).join("spanwire.bpf.o");
    if let Err(error) = fs::copy(&object, output) {
        println!("cargo:warning=no BPF object at {}: {error}", object.display());
        println!("cargo::error=build the BPF programs first: cargo xtask build-ebpf");
    }
}
