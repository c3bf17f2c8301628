//! The properties that the fuzzers look for breaches of, on the golden vectors and on what the fuzzers have found.

use std::fs;
use std::path::Path;

use nvl_tests::{properties, vectors};

#[test]
fn they_hold_of_the_vectors() {
    for (number, vector) in vectors::load().expect("the vectors are there").into_iter().enumerate() {
        for (name, property) in properties::ALL {
            property(&vector.bytes);
            // Where the first byte names a vector, it gets its own segments.
            if name == "segment" || name == "resync" {
                property(&[&[number as u8], &vector.bytes[..]].concat());
            }
        }
    }
}

/// Each file in `findings` was found by the fuzzer that its folder is named after; its own name says what was wrong.
#[test]
fn they_hold_of_what_fuzzing_has_found() {
    let findings = Path::new(env!("CARGO_MANIFEST_DIR")).join("findings");
    for (name, property) in properties::ALL {
        let Ok(folder) = fs::read_dir(findings.join(name)) else { continue };
        for finding in folder {
            let path = finding.expect("the folder can be read").path();
            eprintln!("{}", path.display());
            property(&fs::read(&path).expect("the finding can be read"));
        }
    }
}
