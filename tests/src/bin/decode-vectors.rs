//! Decodes the golden vectors of a folder and prints for each its name and the SHA-256 of each frame.
//!
//! `decode-vectors FOLDER [--portable]`, on whatever machine `cargo xtask conformance` builds it for.

use std::env;
use std::process::ExitCode;

use decoder_core::synthesis::Integer;
use nvl_tests::frames::decode_with;
use nvl_tests::portable::Portable;
use nvl_tests::vectors::{self, hashes};

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let Some(folder) = arguments.next() else {
        eprintln!("name the folder of the vectors");
        return ExitCode::FAILURE;
    };
    let decode = if arguments.any(|argument| argument == "--portable") {
        decode_with::<Portable>
    } else {
        decode_with::<Integer>
    };
    let vectors = match vectors::load_from(folder.as_ref()) {
        Ok(vectors) => vectors,
        Err(error) => {
            eprintln!("{folder}: {error}");
            return ExitCode::FAILURE;
        }
    };
    for vector in vectors {
        println!("{}", vector.name);
        match decode(&vector.bytes) {
            Ok(pictures) => print!("{}", hashes(&pictures)),
            Err(error) => println!("{error}"),
        }
    }
    ExitCode::SUCCESS
}
