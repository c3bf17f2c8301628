//! What takes the flash of an image, by file of the decoder's source.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use host_encoder::cli::{Table, grouped};
use object::{Object, ObjectSection, ObjectSymbol, SectionKind};

use super::stages::{DECODER, Symbols, file_of_symbol};
use crate::run::image::Image;

/// Bytes of code and of constants.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Bytes {
    code: u64,
    constants: u64,
}

/// The flash of an image, part by part.
#[derive(Clone, Debug)]
pub struct Sizes {
    parts: BTreeMap<String, Bytes>,
    flash: u64,
}

/// Code from outside of the decoder: what calls it, and what it calls.
const PROGRAM: &str = "the program around it";
const LIBRARY: &str = "Rust's core library";
const MEMORY: &str = "copying and filling memory";
/// Constants without a name, and what they are aligned with.
const NAMELESS: &str = "constants without a name";
const HEADERS: &str = "headers, alignment";

/// The part that a file is shown as: folders that have one idea are one part.
fn part(path: &str) -> String {
    let Some(file) = path.strip_prefix(DECODER) else { return PROGRAM.to_owned() };
    let folder = file.split_once('/').map(|(folder, _)| folder).filter(|folder| *folder != "synthesis");
    folder.map_or_else(|| file.to_owned(), |folder| format!("{folder}/"))
}

/// Whether a function is one of those that compilers call to copy, fill and compare.
fn moves_memory(symbol: &str) -> bool {
    ["memcpy", "memmove", "memset", "memclr", "memcmp"].iter().any(|name| symbol.contains(name))
}

impl Sizes {
    /// Reads an image.
    pub fn read(elf: &Path) -> Result<Self> {
        let symbols = Symbols::read(elf)?;
        let bytes = fs::read(elf).with_context(|| format!("cannot read {}", elf.display()))?;
        let file = object::File::parse(&*bytes).with_context(|| format!("{} is no image", elf.display()))?;
        let mut parts: BTreeMap<String, Bytes> = BTreeMap::new();
        for section in file.sections() {
            let (begin, end) = (section.address(), section.address() + section.size());
            match section.kind() {
                SectionKind::Text => {
                    for address in (begin..end).step_by(2) {
                        let name = match symbols.file(address)? {
                            Some(file) => part(&file),
                            None if symbols.symbol(address).is_some_and(moves_memory) => MEMORY.into(),
                            None => LIBRARY.into(),
                        };
                        parts.entry(name).or_default().code += 2.min(end - address);
                    }
                }
                SectionKind::ReadOnlyData | SectionKind::Data => {
                    let inside = file.symbols().filter(|symbol| (begin..end).contains(&symbol.address()));
                    let mut rest = section.size();
                    for symbol in inside.filter(|symbol| symbol.size() > 0) {
                        let Some(file) = symbol.name().ok().and_then(file_of_symbol) else { continue };
                        parts.entry(part(&file)).or_default().constants += symbol.size();
                        rest = rest.saturating_sub(symbol.size());
                    }
                    parts.entry(NAMELESS.into()).or_default().constants += rest;
                }
                _ => {}
            }
        }
        let flash = Image::read(elf)?.flash;
        let known: u64 = parts.values().map(|bytes| bytes.code + bytes.constants).sum();
        parts.entry(HEADERS.into()).or_default().constants += flash.saturating_sub(known);
        Ok(Self { parts, flash })
    }

    /// Shows a table, the largest part first.
    pub fn table(&self) -> Table {
        let mut parts: Vec<_> = self.parts.iter().collect();
        parts.sort_by_key(|(_, bytes)| std::cmp::Reverse(bytes.code + bytes.constants));
        let mut table = Table::aligned_right(&[1, 2, 3]);
        table.row([&"part", &"code", &"constants", &"share"]);
        for (name, bytes) in parts {
            let share = (bytes.code + bytes.constants) as f64 / self.flash as f64 * 100.0;
            table.row([name, &grouped(bytes.code), &grouped(bytes.constants), &format!("{share:.1} %")]);
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::board::Board;
    use crate::run::emulator::{build_firmware, missing_target};

    #[test]
    fn parts_are_files_or_folders() {
        let cases = [
            ("decoder-core/src/wire/read.rs", "wire/"),
            ("decoder-core/src/mask.rs", "mask.rs"),
            ("decoder-core/src/synthesis/kernels/rest.rs", "synthesis/kernels/rest.rs"),
            ("firmware/src/bin/no-panic.rs", PROGRAM),
        ];
        for (path, expected) in cases {
            assert_eq!(part(path), expected);
        }
    }

    #[test]
    fn all_parts_are_the_image() {
        let machine = Board::Mps2An386.machine();
        if let Some(missing) = missing_target(machine.target) {
            eprintln!("SKIPPED: the parts of an image are not tested: {missing}");
            return;
        }
        let elf = build_firmware("no-panic", "no-panic", machine.target, machine.cpu, &[]).unwrap();
        let sizes = Sizes::read(&elf).unwrap();
        let sum: u64 = sizes.parts.values().map(|bytes| bytes.code + bytes.constants).sum();
        assert_eq!(sum, sizes.flash);
        let code = |part: &str| sizes.parts.get(part).map_or(0, |bytes| bytes.code);
        assert!(code("synthesis/kernels/arm_shapes.rs") > 4 << 10 && code("octree/") > 4 << 10, "{sizes:?}");
        assert!(code(LIBRARY) < 2 << 10 && sizes.parts[HEADERS].constants < 1 << 10, "{sizes:?}");
        assert!(sizes.parts["entropy/"].constants > 2 << 10, "{sizes:?}");
    }
}
