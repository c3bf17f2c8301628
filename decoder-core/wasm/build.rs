//! Linker arguments of the WebAssembly module.

fn main() {
    // The default stack is 1 MiB of every instance; the decoder has no recursion and no large locals.
    if std::env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "wasm32") {
        println!("cargo:rustc-link-arg-cdylib=-zstack-size=131072");
    }
    println!("cargo:rerun-if-changed=build.rs");
}
