//! The commands that the documents of this repository show: the lines of fenced `sh` blocks.

use std::fs;
use std::path::{Path, PathBuf};

/// A fenced block of shell commands.
#[derive(Clone, Debug)]
pub struct Block {
    /// The document, from the repository's folder.
    pub document: PathBuf,
    /// Its commands: the number of the line and the text, without comments. Continued lines are joined.
    pub commands: Vec<(usize, String)>,
}

/// The repository.
#[must_use]
pub fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}

/// All blocks of all documents, in the order of their names.
///
/// # Panics
/// If a document cannot be read.
#[must_use]
pub fn blocks() -> Vec<Block> {
    let mut documents = Vec::new();
    find(root(), &mut documents);
    documents.sort();
    documents.iter().flat_map(|document| blocks_of(document)).collect()
}

fn find(folder: &Path, documents: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the repository is readable").flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let hidden = name.starts_with('.') || ["target", "node_modules", "shared"].contains(&name.as_str());
        match path.is_dir() {
            true if !hidden => find(&path, documents),
            false if name.ends_with(".md") => documents.push(path),
            _ => {}
        }
    }
}

fn blocks_of(document: &Path) -> Vec<Block> {
    let text = fs::read_to_string(document).expect("a document is text");
    let document = document.strip_prefix(root()).unwrap_or(document);
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    let mut continued: Option<(usize, String)> = None;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        match &mut open {
            None if line == "```sh" => open = Some(Block { document: document.into(), commands: Vec::new() }),
            None => {}
            Some(_) if line == "```" => blocks.extend(open.take()),
            Some(block) => {
                let (first, before) = continued.take().unwrap_or((number + 1, String::new()));
                let text = before + line.strip_prefix("$ ").unwrap_or(line);
                match text.strip_suffix('\\') {
                    Some(part) => continued = Some((first, part.to_owned())),
                    None if text.is_empty() || text.starts_with('#') => {}
                    None => block.commands.push((first, text)),
                }
            }
        }
    }
    blocks
}

/// The programs that a command runs, with their arguments; pipes and redirections are taken apart.
///
/// # Panics
/// If a quotation does not end.
#[must_use]
pub fn programs(command: &str) -> Vec<Vec<String>> {
    let words = shlex::split(command).unwrap_or_else(|| panic!("a quotation does not end: {command}"));
    let mut programs = vec![Vec::new()];
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let (bare, ends) = word.strip_suffix(';').map_or((word.as_str(), false), |bare| (bare, true));
        let ends = match bare {
            "|" | "&&" | "||" | "" => true,
            ">" | "2>" | "<" | ">>" => words.next().is_some_and(|file| file.ends_with(';')),
            _ => {
                programs.last_mut().expect("there is one").push(bare.to_owned());
                ends
            }
        };
        if ends {
            programs.push(Vec::new());
        }
    }
    programs.retain(|program| !program.is_empty());
    programs
}

/// What follows `nvl` or `cargo xtask`, if the program is one of them.
#[must_use]
pub fn ours(program: &[String]) -> Option<&[String]> {
    match program {
        [nvl, arguments @ ..] if nvl == "nvl" => Some(arguments),
        [cargo, xtask, arguments @ ..] if cargo == "cargo" && xtask == "xtask" => Some(arguments),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_taken_apart() {
        let all = programs("nvl decode 'a b.nvl' -o - | ffplay -i - # looks");
        assert_eq!(all[0], ["nvl", "decode", "a b.nvl", "-o", "-"]);
        assert_eq!(all[1], ["ffplay", "-i", "-"]);
        assert_eq!(programs("nvl info a.nvl > a.txt; ls").len(), 2);
        assert_eq!(ours(&all[0]).map(<[_]>::len), Some(4));
        assert_eq!(ours(&all[1]), None);
    }
}
