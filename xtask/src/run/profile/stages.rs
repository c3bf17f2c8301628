//! What an address of an image belongs to, by the image's debug information.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::{fmt, fs};

use addr2line::Loader;
use anyhow::{Context, Result, anyhow};
use object::{Object, ObjectSection, SectionKind};

/// A part of decoding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Headers, checksums, what goes on between the others.
    Stream,
    Weights,
    /// The range decoder and its symbols.
    Entropy,
    /// The walk through the octree.
    Octree,
    Context,
    /// What need not be computed.
    Skipping,
    /// Which row of which layer is next, and where it lies.
    Pipeline,
    Layers,
    /// Inputs of a stage: the stage before upsampled, grids.
    Upsampling,
    /// Motion-compensated prediction.
    Motion,
    /// Prediction and residual added, the reference picture.
    Output,
    /// Luma that is smoothed where a residual was added.
    LoopFilter,
    Rgb565,
    Player,
    /// A file that has no stage yet.
    File(String),
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Stream => "stream",
            Self::Weights => "weights",
            Self::Entropy => "entropy",
            Self::Octree => "octree",
            Self::Context => "context",
            Self::Skipping => "skipping",
            Self::Pipeline => "pipeline",
            Self::Layers => "layers",
            Self::Upsampling => "upsampling",
            Self::Motion => "motion",
            Self::Output => "output",
            Self::LoopFilter => "loop filter",
            Self::Rgb565 => "RGB565",
            Self::Player => "player",
            Self::File(path) => path,
        })
    }
}

/// Where in the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub stage: Stage,
    pub function: String,
}

/// Folders of source.
pub const DECODER: &str = "decoder-core/src/";
const FIRMWARE: &str = "firmware/src/";
const SOURCES: [&str; 2] = [DECODER, FIRMWARE];

/// Decides by a file of the decoder and a function in it; `None` for what serves several stages, so that the caller decides.
fn stage(file: &str, function: &str) -> Option<Stage> {
    let named = |names: &[&str]| names.iter().any(|name| function.contains(name));
    Some(match file {
        "fixed.rs" | "arena.rs" | "dsp.rs" | "error.rs" | "synthesis/integer.rs" | "synthesis/plan.rs" => return None,
        "buffer.rs" | "decoder.rs" | "limits.rs" | "order.rs" => Stage::Stream,
        "weights.rs" => Stage::Weights,
        "latents.rs" | "splits.rs" => Stage::Octree,
        "octree/context.rs" => Stage::Context,
        "sink.rs" => Stage::Rgb565,
        "synthesis/arithmetic.rs" => Stage::Layers,
        "synthesis/prediction.rs" | "synthesis/interpolation.rs" | "synthesis/mean.rs" | "synthesis/overlap.rs" => {
            Stage::Motion
        }
        "synthesis/store.rs" if named(&["predict", "counting", "take_side"]) => Stage::Motion,
        "synthesis/store.rs" => Stage::Output,
        "synthesis/loop_filter.rs" => Stage::LoopFilter,
        "mask.rs" => Stage::Skipping,
        "synthesis/pipeline.rs" if named(&["reach", "mark", "changed"]) => Stage::Skipping,
        "synthesis/pipeline.rs" if named(&["upsample", "replicate"]) => Stage::Upsampling,
        "synthesis/pipeline.rs" if named(&["finish", "emit"]) => Stage::Output,
        "synthesis/pipeline.rs" => Stage::Pipeline,
        "synthesis/inputs.rs" if named(&["mark", "speaks", "any_set"]) => Stage::Skipping,
        "synthesis/inputs.rs" if named(&["layer_row"]) => Stage::Pipeline,
        "synthesis/inputs.rs" => Stage::Upsampling,
        _ if file.starts_with("entropy/") => Stage::Entropy,
        _ if file.starts_with("octree/") => Stage::Octree,
        "synthesis/kernels/arm_rows.rs" | "synthesis/kernels/riscv_rows.rs" if named(&["rgb565"]) => Stage::Rgb565,
        "synthesis/kernels/arm_rows.rs" if named(&["add_residual"]) => Stage::Output,
        "synthesis/kernels/arm_rows.rs" => Stage::Upsampling,
        _ if file.starts_with("synthesis/kernels/") => Stage::Layers,
        _ if file.starts_with("wire/") => Stage::Stream,
        _ => Stage::File(file.to_owned()),
    })
}

/// The stage of a path of the source.
fn stage_of_path(path: &str, function: &str) -> Option<Stage> {
    let path = path.replace('\\', "/");
    if let Some((_, file)) = path.rsplit_once(DECODER) {
        return stage(file, function);
    }
    path.contains(FIRMWARE).then_some(Stage::Player)
}

/// The stage of a function by its modules.
fn stage_of_name(name: &str) -> Stage {
    let path = name.trim_start_matches('<').split([' ', '<', '>']).next().unwrap_or_default();
    let modules: Vec<&str> = path.split("::").collect();
    let files = (1..=modules.len()).map(|depth| format!("{}.rs", modules[..depth].join("/")));
    let mut stages = files.filter_map(|file| stage(&file, name)).filter(|stage| !matches!(stage, Stage::File(_)));
    stages.next().unwrap_or(if path.starts_with("synthesis") { Stage::Layers } else { Stage::Stream })
}

/// The file of the decoder's source that a symbol is named after.
pub fn file_of_symbol(mangled: &str) -> Option<String> {
    let name = addr2line::demangle_auto(mangled.into(), None);
    let (_, path) = name.split_once("decoder_core::")?;
    let modules: Vec<&str> = path.split("::").collect();
    let mut files = (1..modules.len()).rev().map(|depth| format!("{DECODER}{}.rs", modules[..depth].join("/")));
    files.find(|file| crate::shell::root().join(file).is_file())
}

/// The debug information of an image.
pub struct Symbols {
    loader: Loader,
    /// Code by its first address.
    code: BTreeMap<u64, Vec<u8>>,
}

impl Symbols {
    /// Reads it.
    pub fn read(elf: &Path) -> Result<Self> {
        let unreadable = || format!("{} has no debug information that can be read", elf.display());
        let loader = Loader::new(elf).map_err(|error| anyhow!("{error}")).with_context(unreadable)?;
        let bytes = fs::read(elf).with_context(|| format!("cannot read {}", elf.display()))?;
        let file = object::File::parse(&*bytes).with_context(unreadable)?;
        let text = file.sections().filter(|section| section.kind() == SectionKind::Text);
        let code = text.map(|section| Ok((section.address(), section.data()?.to_vec())));
        Ok(Self { loader, code: code.collect::<Result<_>>()? })
    }

    /// The four bytes from an address on.
    pub fn code(&self, address: u64) -> [u16; 2] {
        let section = self.code.range(..=address).next_back();
        let bytes = section.and_then(|(begin, code)| code.get((address - begin) as usize..)).unwrap_or_default();
        let half = |at: usize| u16::from_le_bytes([0, 1].map(|i| bytes.get(at + i).copied().unwrap_or(0)));
        [half(0), half(2)]
    }

    /// What an address belongs to; `None` if neither to the decoder nor to the player.
    pub fn place(&self, address: u64) -> Result<Option<Place>> {
        let mut frames = self.loader.find_frames(address).map_err(|error| anyhow!("{error}"))?;
        while let Some(frame) = frames.next()? {
            let function = frame.function.as_ref().and_then(|name| name.demangle().ok().map(|name| short(&name)));
            let function = function.unwrap_or_default();
            let path = frame.location.as_ref().and_then(|location| location.file).unwrap_or_default();
            if let Some(stage) = stage_of_path(path, &function) {
                return Ok(Some(Place { stage, function }));
            }
        }
        // Assembly has no frames, and some code no line.
        let symbol = self.loader.find_symbol(address).map(|name| addr2line::demangle_auto(name.into(), None));
        Ok(symbol.filter(|symbol| symbol.contains("decoder_core")).map(|symbol| {
            let function = short(&symbol);
            Place { stage: stage_of_name(&function), function }
        }))
    }

    /// The symbol at an address.
    pub fn symbol(&self, address: u64) -> Option<&str> {
        self.loader.find_symbol(address)
    }

    /// The file that an address comes from, of the decoder's or the firmware's source; the innermost one of inlined functions.
    pub fn file(&self, address: u64) -> Result<Option<String>> {
        let mut frames = self.loader.find_frames(address).map_err(|error| anyhow!("{error}"))?;
        while let Some(frame) = frames.next()? {
            let path = frame.location.as_ref().and_then(|location| location.file).unwrap_or_default();
            let path = path.replace('\\', "/");
            if let Some(at) = SOURCES.iter().find_map(|source| path.rfind(source)) {
                return Ok(Some(path[at..].to_owned()));
            }
        }
        Ok(self.loader.find_symbol(address).and_then(file_of_symbol))
    }

    /// Code that belongs to its callers, for the plugin: a line for each range.
    pub fn callees(&self) -> String {
        let mut text = String::new();
        for (&begin, code) in &self.code {
            let end = begin + code.len() as u64;
            let mut from = None;
            for address in (begin..end).step_by(2) {
                let own = self.place(address).is_ok_and(|place| place.is_some());
                match (own, from) {
                    (false, None) => from = Some(address),
                    (true, Some(first)) => {
                        let _ = writeln!(text, "{first:x} {address:x}");
                        from = None;
                    }
                    _ => {}
                }
            }
            if let Some(first) = from {
                let _ = writeln!(text, "{first:x} {end:x}");
            }
        }
        text
    }
}

/// A function's name without the hash and the crate.
fn short(name: &str) -> String {
    let end = name.rfind("::h").filter(|&at| name.len() - at == 19).unwrap_or(name.len());
    name[..end].replace("decoder_core::", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_decoder_has_a_stage() {
        let root = crate::shell::root().join("decoder-core/src");
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let file = path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
                let has_code = !file.ends_with("mod.rs") && !["lib.rs", "synthesis/float.rs"].contains(&&*file);
                let found = stage_of_path(&path.to_string_lossy(), "");
                assert!(!has_code || !matches!(found, Some(Stage::File(_))), "{file} has no stage: give it one above");
            }
        }
    }

    #[test]
    fn nothing_of_the_synthesis_is_the_stream() {
        let functions = ["Pipeline<A>::run", "Pipeline<A>::advance", "run_relay", "ring_row", "sites_mut", "widened"];
        for function in functions {
            let name = format!("synthesis::pipeline::{function}");
            assert_eq!(stage("synthesis/pipeline.rs", &name), Some(Stage::Pipeline), "{name}");
        }
        for file in ["inputs", "interpolation", "loop_filter", "mean", "overlap", "pipeline", "prediction", "store"] {
            let path = format!("synthesis/{file}.rs");
            let text = fs::read_to_string(crate::shell::root().join("decoder-core/src").join(&path)).unwrap();
            let names = text.split("fn ").skip(1).map(|rest| rest.split(['(', '<']).next().unwrap_or_default());
            for name in names.filter(|name| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')) {
                let found = stage(&path, &format!("synthesis::{file}::{name}"));
                assert!(!matches!(found, Some(Stage::Stream | Stage::File(_))), "{path}: {name}");
            }
        }
    }

    #[test]
    fn names_lose_their_hash() {
        assert_eq!(short("decoder_core::latents::Latents::advance::h0123456789abcdef"), "latents::Latents::advance");
        assert_eq!(short("memcpy"), "memcpy");
    }

    #[test]
    fn symbols_tell_the_file() {
        let cases = [
            (
                "decoder_core::synthesis::kernels::arm_shapes::blocks",
                Some("decoder-core/src/synthesis/kernels/arm_shapes.rs"),
            ),
            ("decoder_core::entropy::tables::ZERO", Some("decoder-core/src/entropy/tables.rs")),
            ("<decoder_core::decoder::DecoderWith<A>>::begin", Some("decoder-core/src/decoder.rs")),
            ("core::iter::Iterator::next", None),
        ];
        for (symbol, file) in cases {
            assert_eq!(file_of_symbol(symbol).as_deref(), file, "{symbol}");
        }
    }

    #[test]
    fn names_tell_the_stage() {
        let names = [
            ("synthesis::store::Store::commit", Stage::Output),
            ("synthesis::pipeline::run_relay", Stage::Pipeline),
            ("synthesis::inputs::any_set", Stage::Skipping),
            ("entropy::symbols::laplace", Stage::Entropy),
            ("octree::context::dot", Stage::Context),
            ("synthesis::kernels::arm_dsp::run", Stage::Layers),
            ("synthesis::kernels::arm_rows::rgb565_fours", Stage::Rgb565),
            ("synthesis::kernels::arm_rows::add_residual_sites", Stage::Output),
            ("synthesis::kernels::riscv_rows::rgb565", Stage::Rgb565),
            ("<synthesis::integer::Integer as synthesis::arithmetic::Arithmetic>::layer_row", Stage::Layers),
            ("decoder::DecoderWith<A>::next_chunk", Stage::Stream),
        ];
        for (name, stage) in names {
            assert_eq!(stage_of_name(name), stage, "{name}");
        }
    }
}
