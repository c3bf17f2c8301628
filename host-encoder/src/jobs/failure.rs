//! What can be wrong with an encode in pieces. Every message names the file, the cause and the mend.

use std::path::{Path, PathBuf};

use crate::io::{InputError, OutputError};
use crate::train::EncodeError;

/// Why a plan, a segment or the file was not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    /// The plan cannot be read.
    #[error("cannot read the plan {}: {source}", .path.display())]
    Read {
        /// The plan's file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The plan makes no sense.
    #[error("{} is no plan that this program can follow ({problem}): make it again with `nvl plan`", .path.display())]
    Plan {
        /// The plan's file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The plan is of another version of the encoder, whose segments would be other ones.
    #[error(
        "{} was made by nvl {planned}, and this is {own}: use that version, or make the plan again with `nvl plan`",
        .path.display()
    )]
    Version {
        /// The plan's file.
        path: PathBuf,
        /// The version that made it.
        planned: String,
        /// This version.
        own: String,
    },
    /// There is no such segment.
    #[error("the plan has {count} segments, 0 to {}, and no segment {index}", .count - 1)]
    Index {
        /// The number that was asked for.
        index: usize,
        /// Segments of the plan.
        count: usize,
    },
    /// The plan was made from standard input.
    #[error("the plan was made from standard input: name a file with the same pictures with --input")]
    NoInput,
    /// The input is not what it was.
    #[error(
        "{input} has changed since the plan was made ({problem}): bring the old file back, or make the plan again with \
         `nvl plan`"
    )]
    Changed {
        /// The input's name.
        input: String,
        /// What is different.
        problem: String,
    },
    /// The input cannot be read.
    #[error("{0}")]
    Input(#[from] InputError),
    /// The segment was not fitted.
    #[error("{0}")]
    Encode(#[from] EncodeError),
    /// A file was not written.
    #[error("{0}")]
    Output(#[from] OutputError),
    /// Not all segments are there.
    #[error("{}", missing_message(.folder, .count, .missing, .foreign, .damaged))]
    Missing {
        /// Where they should be.
        folder: PathBuf,
        /// Segments of the plan.
        count: usize,
        /// Numbers of those that are not there.
        missing: Vec<usize>,
        /// Numbers of those that belong to another plan.
        foreign: Vec<usize>,
        /// Numbers of those that are damaged.
        damaged: Vec<usize>,
    },
}

fn missing_message(folder: &Path, count: &usize, missing: &[usize], foreign: &[usize], damaged: &[usize]) -> String {
    let kinds = [("missing", missing), ("of another plan", foreign), ("damaged", damaged)];
    let kinds = kinds.iter().filter(|(_, numbers)| !numbers.is_empty());
    let parts: Vec<String> = kinds.map(|(kind, numbers)| format!("{kind}: {}", ranges(numbers, ", "))).collect();
    let bad = missing.len() + foreign.len() + damaged.len();
    format!(
        "{bad} of {count} segments in {} cannot be used ({}): run `nvl encode-segment PLAN --index N` for each, or \
         `nvl submit` again, which submits no others",
        folder.display(),
        parts.join("; ")
    )
}

/// Numbers in order, with ranges where they follow each other: `0-2`, the separator, `5`.
pub(super) fn ranges(numbers: &[usize], separator: &str) -> String {
    let mut runs: Vec<(usize, usize)> = vec![];
    for &number in numbers {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => runs.push((number, number)),
        }
    }
    let texts = runs.iter().map(|&(first, last)| match last - first {
        0 => first.to_string(),
        _ => format!("{first}-{last}"),
    });
    texts.collect::<Vec<_>>().join(separator)
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_are_short() {
        assert_eq!(super::ranges(&[0, 1, 2, 5, 7, 8], ", "), "0-2, 5, 7-8");
    }
}
