//! The player against the decoder alone, on whole and on damaged clips.

use std::convert::Infallible;

use decoder_core::{Corruption, Limits, RowPair, RowSink, Stream};
use embedded_io::{Read, Seek};
use firmware::mapped::Mapped;
use firmware::player::{Clock, Event, Player, Statistics, Unpaced};
use nvl_stream::Error;
use nvl_tests::frames::{Collector, Picture};

use crate::streams::{BUFFER, SEGMENT_FRAMES, clip, pictures, scratch};

/// A clock that goes on by `work` with each look at it, and when it is waited for.
struct Ticking {
    now: u64,
    work: u64,
    waits: Vec<u64>,
}

impl Ticking {
    fn new(work: u64) -> Self {
        Self { now: 5_000_000, work, waits: vec![] }
    }
}

impl Clock for Ticking {
    fn now(&mut self) -> u64 {
        self.now += self.work;
        self.now
    }

    fn wait_until(&mut self, time: u64) {
        self.waits.push(time);
        self.now = self.now.max(time);
    }
}

/// What a player gives: pictures, events but the end, statistics.
pub struct Played<R> {
    pub pictures: Vec<Picture>,
    pub events: Vec<Event<R>>,
    pub statistics: Statistics,
}

/// Plays what a reader gives; `clip` is the clip without faults.
pub fn play_from<R: Read + Seek>(reader: R, clip: &[u8]) -> Played<R::Error> {
    let (mut buffer, mut scratch) = ([0; BUFFER], scratch(clip));
    let mut player = Player::open(reader, &mut buffer, &Limits::HOST, &mut scratch).unwrap();
    let (mut sink, mut events) = (Collector::default(), vec![]);
    loop {
        match player.step(&mut sink, &mut Unpaced).unwrap() {
            Event::End => break,
            event => events.push(event),
        }
    }
    assert!(matches!(player.step(&mut sink, &mut Unpaced), Ok(Event::End)), "the end stays the end");
    Played { pictures: sink.pictures, events, statistics: player.statistics() }
}

fn play(bytes: &[u8], clip: &[u8]) -> Played<Infallible> {
    play_from(Mapped::new(bytes), clip)
}

/// Where the segment begins in the file.
fn offset(clip: &[u8], segment: u32) -> usize {
    Stream::open(clip, &Limits::HOST).unwrap().index_entry(segment).unwrap().offset as usize
}

#[test]
fn a_whole_clip_gives_the_pictures_of_the_decoder() {
    for seed in 0..8 {
        let clip = clip(seed, 3);
        let played = play(&clip, &clip);
        assert_eq!(played.pictures, pictures(&clip));
        let shown: Vec<_> = (0..3 * SEGMENT_FRAMES).map(|frame| Event::Shown { frame, late: false }).collect();
        assert_eq!(played.events, shown);
        assert_eq!(played.statistics, Statistics { frames_shown: 3 * SEGMENT_FRAMES, ..Statistics::default() });
    }
}

#[test]
fn a_damaged_segment_is_passed_over_and_the_others_are_shown() {
    let whole = clip(11, 5);
    let expected = pictures(&whole);
    // The sync word, the header, the first and the last byte of the payload.
    let (begin, end) = (offset(&whole, 2), offset(&whole, 3));
    let damages =
        [(begin, Corruption::Sync), (begin + 6, Corruption::SegmentChecksum), (end - 1, Corruption::PayloadChecksum)];
    for (at, corruption) in damages {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        let played = play(&bytes, &whole);
        let (before, after) = (2 * SEGMENT_FRAMES as usize, 3 * SEGMENT_FRAMES as usize);
        assert_eq!(played.pictures, [&expected[..before], &expected[after..]].concat(), "{corruption}");
        let error = Error::Stream(decoder_core::Error::Corrupt(corruption));
        assert_eq!(played.events[before], Event::Lost { frame: before as u32, error });
        assert_eq!(played.events[before + 1], Event::Shown { frame: after as u32, late: false });
        let (frames_shown, frames_lost) = (4 * SEGMENT_FRAMES, SEGMENT_FRAMES);
        assert_eq!(played.statistics, Statistics { frames_shown, frames_lost, losses: 1, frames_late: 0 });
    }
}

#[test]
fn a_file_that_is_cut_off_plays_as_far_as_it_goes() {
    let whole = clip(12, 3);
    let played = play(&whole[..offset(&whole, 2) + 20], &whole);
    assert_eq!(played.pictures, pictures(&whole)[..2 * SEGMENT_FRAMES as usize]);
    assert_eq!((played.statistics.losses, played.statistics.frames_lost), (1, SEGMENT_FRAMES));
}

#[test]
fn each_picture_waits_for_its_time_and_a_lost_segment_takes_its_own() {
    let mut clip = clip(13, 3);
    let mut scratch = scratch(&clip);
    let at = offset(&clip, 2) - 1;
    clip[at] ^= 1;
    let mut buffer = [0; BUFFER];
    let mut player = Player::open(Mapped::new(&clip), &mut buffer, &Limits::HOST, &mut scratch).unwrap();
    let mut clock = Ticking::new(1000);
    let statistics = player.play(&mut Collector::default(), &mut clock).unwrap();
    let started = 5_001_000;
    let shown = (0..SEGMENT_FRAMES).chain(2 * SEGMENT_FRAMES..3 * SEGMENT_FRAMES);
    let due: Vec<u64> = shown.map(|frame| started + u64::from(frame) * 1_001_000 / 30).collect();
    assert_eq!(clock.waits, due);
    assert_eq!(statistics.frames_late, 0);
}

#[test]
fn a_slow_board_is_late_and_shows_every_picture() {
    let clip = clip(14, 2);
    let (mut buffer, mut scratch) = ([0; BUFFER], scratch(&clip));
    let mut player = Player::open(Mapped::new(&clip), &mut buffer, &Limits::HOST, &mut scratch).unwrap();
    for _ in 0..2 {
        player.restart().unwrap();
        let statistics = player.play(&mut Collector::default(), &mut Ticking::new(40_000)).unwrap();
        let frames = 2 * SEGMENT_FRAMES;
        assert_eq!(statistics, Statistics { frames_shown: frames, frames_late: frames, ..Statistics::default() });
    }
}

#[test]
fn a_clip_that_costs_too_much_is_refused() {
    let clip = clip(15, 1);
    let (mut buffer, mut scratch) = ([0; BUFFER], scratch(&clip));
    let limits = Limits { width: 16, ..Limits::HOST };
    let refused = Player::open(Mapped::new(&clip), &mut buffer, &limits, &mut scratch).err();
    assert!(matches!(refused, Some(Error::Stream(decoder_core::Error::Limit { .. }))));
    let refused = Player::open(Mapped::new(&clip), &mut buffer, &Limits::HOST, &mut []).err();
    assert!(matches!(refused, Some(Error::Stream(decoder_core::Error::ScratchTooSmall { .. }))));
}

/// A display that fails once.
struct Failing(Option<&'static str>, Collector);

impl RowSink for Failing {
    type Error = &'static str;

    fn row_pair(&mut self, rows: RowPair<'_>) -> Result<(), &'static str> {
        match self.0.take() {
            Some(error) => Err(error),
            None => self.1.row_pair(rows).map_err(|never: Infallible| match never {}),
        }
    }
}

#[test]
fn an_error_of_the_display_gives_up_the_segment() {
    let clip = clip(16, 2);
    let (mut buffer, mut scratch) = ([0; BUFFER], scratch(&clip));
    let mut player = Player::open(Mapped::new(&clip), &mut buffer, &Limits::HOST, &mut scratch).unwrap();
    let mut sink = Failing(Some("no contact"), Collector::default());
    assert_eq!(player.step(&mut sink, &mut Unpaced), Err("no contact"));
    assert_eq!(player.step(&mut sink, &mut Unpaced), Ok(Event::Shown { frame: SEGMENT_FRAMES, late: false }));
}
