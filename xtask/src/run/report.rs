//! What the program of an emulated machine prints; `firmware/src/emulated.rs` says how.

use anyhow::{Context, Result, bail, ensure};

use super::board::Machine;

/// A picture that a machine has decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Picture {
    /// Its number in the clip.
    pub number: u32,
    /// CRC-32 of its rows.
    pub checksum: u32,
    /// From bytes to rows of RGB565.
    pub instructions: u64,
    /// Its tiles, how many of them were synthesised, how many are unchanged.
    pub tiles: [u64; 3],
}

/// What a machine has decoded and spent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The pictures.
    pub pictures: Vec<Picture>,
    /// From where on pictures could not be decoded, each time.
    pub lost: Vec<u32>,
    /// Bytes that the decoder is lent.
    pub scratch: u64,
    /// Bytes of the player's own state.
    pub player: u64,
    /// Bytes of stack to open the clip.
    pub open_stack: u64,
    /// Bytes of stack to decode a picture.
    pub stack: u64,
}

impl Report {
    /// Reads what was printed.
    pub fn parse(text: &str, machine: &Machine) -> Result<Self> {
        let mut report = Self::default();
        let mut costs = 0;
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let number = |word: &str| word.parse::<u64>().with_context(|| format!("the machine said {line:?}"));
            match words[..] {
                ["memory", "player", player, "scratch", scratch, "open_stack", stack] => {
                    (report.player, report.scratch, report.open_stack) =
                        (number(player)?, number(scratch)?, number(stack)?);
                }
                ["picture", frame, "crc", checksum] => {
                    let checksum = u32::from_str_radix(checksum, 16)?;
                    report.pictures.push(Picture { number: number(frame)? as u32, checksum, ..Picture::default() });
                }
                ["cost", _, "ticks", ticks, "tiles", all, synthesised, unchanged] => {
                    let picture = report.pictures.get_mut(costs).context("the machine decoded more the second time")?;
                    picture.instructions = machine.instructions(number(ticks)?);
                    picture.tiles = [number(all)?, number(synthesised)?, number(unchanged)?];
                    costs += 1;
                }
                ["stack", stack] => report.stack = number(stack)?,
                ["lost", frame] => report.lost.push(number(frame)? as u32),
                _ => bail!("the machine said {line:?}"),
            }
        }
        ensure!(costs == 0 || costs == report.pictures.len(), "the machine stopped after {costs} pictures");
        Ok(report)
    }

    /// Instructions of a picture: on average, and at most after the first, with which the decoder may make another.
    pub fn instructions(&self) -> (f64, u64) {
        let all = || self.pictures.iter().map(|picture| picture.instructions);
        let most = all().skip(1).max().or(all().next()).unwrap_or(0);
        (all().sum::<u64>() as f64 / self.pictures.len().max(1) as f64, most)
    }

    /// Tiles of all pictures: all, synthesised, unchanged.
    pub fn tiles(&self) -> [u64; 3] {
        self.pictures.iter().fold([0; 3], |sum, picture| [0, 1, 2].map(|at| sum[at] + picture.tiles[at]))
    }

    /// Fails unless it has shown and lost what the host shows and loses.
    pub fn compare(&self, host: &Shown) -> Result<()> {
        let decoded = self.pictures.iter().map(|picture| (picture.number, picture.checksum));
        if let Some(at) = decoded.clone().zip(&host.pictures).position(|(own, &host)| own != host) {
            bail!("picture {} is not what the host decodes", self.pictures[at].number);
        }
        ensure!(
            decoded.len() == host.pictures.len(),
            "the machine decoded {} pictures of {}",
            decoded.len(),
            host.pictures.len()
        );
        ensure!(self.lost == host.lost, "the machine lost pictures at {:?}, the host at {:?}", self.lost, host.lost);
        Ok(())
    }
}

/// What the host has shown of a clip.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Number and checksum of each picture.
    pub pictures: Vec<(u32, u32)>,
    /// From where on pictures could not be decoded, each time.
    pub lost: Vec<u32>,
}

/// What a kernel costs.
#[derive(Clone, Debug, PartialEq)]
pub struct KernelCost {
    pub name: String,
    pub instructions_per_mac: f64,
}

/// Reads what was printed about kernels.
pub fn kernels(text: &str, machine: &Machine) -> Result<Vec<KernelCost>> {
    let kernel = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let ["kernel", name, "macs", macs, "ticks", ticks] = words[..] else { bail!("the machine said {line:?}") };
        let instructions = machine.instructions(ticks.parse()?) as f64;
        Ok(KernelCost { name: name.into(), instructions_per_mac: instructions / macs.parse::<f64>()? })
    };
    text.lines().map(kernel).collect()
}

#[cfg(test)]
mod tests {
    use super::super::board::Board;
    use super::*;

    const TEXT: &str = "memory player 9 scratch 80 open_stack 700\n\
        picture 0 crc 0000abcd\npicture 1 crc 12345678\n\
        cost 0 ticks 10 tiles 8 8 0\ncost 1 ticks 4 tiles 8 2 5\nstack 600\n";

    #[test]
    fn what_a_machine_prints_is_understood() {
        let report = Report::parse(TEXT, Board::Mps2An386.machine()).unwrap();
        assert_eq!((report.player, report.scratch, report.open_stack, report.stack), (9, 80, 700, 600));
        assert_eq!(report.instructions(), (35.0, 20), "the first does not count as the worst");
        assert_eq!(report.tiles(), [16, 10, 5]);
        assert!(report.compare(&host(&[0xabcd, 0x1234_5678])).is_ok());
    }

    fn host(checksums: &[u32]) -> Shown {
        Shown { pictures: (0..).zip(checksums.iter().copied()).collect(), lost: vec![] }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let machine = Board::Mps2An386.machine();
        let report = Report::parse(TEXT, machine).unwrap();
        let message = |checksums: &[u32]| report.compare(&host(checksums)).unwrap_err().to_string();
        assert_eq!(message(&[0xabcd, 0]), "picture 1 is not what the host decodes");
        assert_eq!(message(&[0xabcd]), "the machine decoded 2 pictures of 1");
        let lost = Report::parse("picture 0 crc 0\nlost 3\n", machine).unwrap();
        assert!(lost.compare(&host(&[0])).unwrap_err().to_string().contains("[3]"));
        let refused = |text: &str| Report::parse(text, machine).unwrap_err().to_string();
        assert_eq!(refused("lost x"), "the machine said \"lost x\"");
        let cut = TEXT.replace("cost 1 ticks 4 tiles 8 2 5\n", "");
        assert_eq!(refused(&cut), "the machine stopped after 1 pictures");
    }
}
