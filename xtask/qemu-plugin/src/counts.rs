//! What has been executed.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::Range;

/// Instructions that are executed one after the other.
struct Block {
    /// Their addresses, and the one behind them.
    addresses: Vec<u64>,
    /// Whether they are charged to their caller.
    callee: bool,
    executed: u64,
    /// How often something else came next than what lies behind.
    left: u64,
    /// Instructions of callees that came next.
    followed: u64,
}

/// Counts of all blocks.
pub struct Counts {
    callees: Vec<Range<u64>>,
    blocks: Vec<Block>,
    numbers: HashMap<Vec<u64>, usize>,
    /// The block before, and the last that is no callee.
    before: Option<usize>,
    caller: Option<usize>,
}

impl Counts {
    /// Of nothing yet; `callees` has lines `begin end`.
    pub fn new(callees: &str) -> Option<Self> {
        let range = |line: &str| {
            let (begin, end) = line.split_once(' ')?;
            Some(u64::from_str_radix(begin, 16).ok()?..u64::from_str_radix(end, 16).ok()?)
        };
        let callees = callees.lines().map(range).collect::<Option<Vec<_>>>()?;
        Some(Self { callees, blocks: Vec::new(), numbers: HashMap::new(), before: None, caller: None })
    }

    /// The number of the block with these addresses.
    pub fn block(&mut self, addresses: &[u64]) -> usize {
        if let Some(&number) = self.numbers.get(addresses) {
            return number;
        }
        let first = addresses.first().copied().unwrap_or(0);
        let callee = self.callees.iter().any(|range| range.contains(&first));
        let addresses = addresses.to_vec();
        let number = self.blocks.len();
        self.numbers.insert(addresses.clone(), number);
        self.blocks.push(Block { addresses, callee, executed: 0, left: 0, followed: 0 });
        number
    }

    /// A block is executed.
    pub fn executed(&mut self, number: usize) {
        let Some(block) = self.blocks.get_mut(number) else { return };
        block.executed += 1;
        let (first, instructions, callee) = (block.addresses[0], block.addresses.len() as u64 - 1, block.callee);
        if let Some(before) = self.before.replace(number) {
            let before = &mut self.blocks[before];
            before.left += u64::from(before.addresses.last() != Some(&first));
        }
        if !callee {
            self.caller = Some(number);
        } else if let Some(caller) = self.caller {
            self.blocks[caller].followed += instructions;
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut addresses = BTreeMap::<u64, [u64; 3]>::new();
        for block in self.blocks.iter().filter(|block| block.executed > 0) {
            let Some((_, instructions)) = block.addresses.split_last() else { continue };
            for &address in instructions {
                addresses.entry(address).or_default()[0] += block.executed;
            }
            if let Some(last) = instructions.last().and_then(|last| addresses.get_mut(last)) {
                last[1] += block.left;
                last[2] += block.followed;
            }
        }
        addresses.iter().try_for_each(|(address, [executed, left, followed])| {
            writeln!(f, "{address:x} {executed} {left} {followed}")
        })
    }
}
