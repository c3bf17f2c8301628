//! The committed header is the one that the sources give. `NVL_BLESS=1 cargo test -p nvl-c header` writes it.

use std::path::Path;

#[test]
fn header_is_current() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources = ["callbacks", "face", "memory", "status"].map(|module| package.join(format!("src/{module}.rs")));
    let config = cbindgen::Config::from_file(package.join("cbindgen.toml")).unwrap();
    let builder = sources.into_iter().fold(cbindgen::Builder::new(), cbindgen::Builder::with_src);
    let mut header = vec![];
    builder.with_config(config).generate().unwrap().write(&mut header);
    // The codes are named after the enum, whose name is longer than theirs should be.
    let header = String::from_utf8(header).unwrap().replace("NVL_STATUS_", "NVL_");
    let path = package.join("include/nvl.h");
    if std::env::var_os("NVL_BLESS").is_some() {
        std::fs::write(&path, &header).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == header, "include/nvl.h is not current: run NVL_BLESS=1 cargo test -p nvl-c header");
}
