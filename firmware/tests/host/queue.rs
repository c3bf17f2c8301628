//! Rows from one thread to another, as from one core to the other.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use decoder_core::{Limits, RowPair, RowSink};
use firmware::mapped::Mapped;
use firmware::player::{Player, Unpaced};
use firmware::queue::{QueueRows, Strip, drain};
use heapless::spsc::Queue;

use crate::streams::{BUFFER, clip, scratch};

/// A sink that notes what it gets.
#[derive(Default, PartialEq, Debug)]
struct Noted(Vec<(u32, u16, u16, [Vec<u8>; 4])>);

impl RowSink for Noted {
    type Error = Infallible;

    fn row_pair(&mut self, rows: RowPair<'_>) -> Result<(), Infallible> {
        let samples = [rows.luma[0], rows.luma[1], rows.u, rows.v].map(<[u8]>::to_vec);
        self.0.push((rows.frame, rows.row, rows.column, samples));
        Ok(())
    }

    fn takes_changes(&self) -> bool {
        true
    }
}

#[test]
fn what_the_other_core_draws_is_what_was_decoded() {
    let clip = clip(51, 3);
    let mut direct = Noted::default();
    play(&clip, &mut direct);

    let mut queue = Queue::<Strip, 4>::new();
    let (producer, mut consumer) = queue.split();
    let done = AtomicBool::new(false);
    let mut drawn = Noted::default();
    thread::scope(|scope| {
        scope.spawn(|| {
            loop {
                let last = done.load(Ordering::Acquire);
                let Ok(_) = drain(&mut consumer, &mut drawn);
                if last {
                    return;
                }
                thread::yield_now();
            }
        });
        play(&clip, &mut QueueRows::new(producer));
        done.store(true, Ordering::Release);
    });
    assert_eq!(drawn, direct);
}

fn play(clip: &[u8], sink: &mut impl RowSink<Error = Infallible>) {
    let (mut buffer, mut scratch) = ([0; BUFFER], scratch(clip));
    let mut player = Player::open(Mapped::new(clip), &mut buffer, &Limits::HOST, &mut scratch).unwrap();
    let Ok(_) = player.play(sink, &mut Unpaced);
}
