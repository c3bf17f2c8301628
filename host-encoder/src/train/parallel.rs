//! All segments of a clip on this machine, several at a time.

use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crate::progress::{Observer, Step};

use super::fit::Progress;

/// How many segments are fitted at a time, and with how many threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shares {
    /// Threads in all, at least one.
    pub threads: usize,
    /// Segments at a time, 1..=`threads`.
    pub segments: usize,
}

impl Shares {
    /// One segment a thread, as far as `memory` bytes hold segments of `each` bytes. One is always begun.
    #[must_use]
    pub fn new(threads: usize, memory: Option<u64>, each: u64) -> Self {
        let threads = threads.max(1);
        let fitting = memory.map_or(threads, |memory| usize::try_from(memory / each.max(1)).unwrap_or(usize::MAX));
        Self { threads, segments: fitting.clamp(1, threads) }
    }

    /// Threads for a segment when `left` have not been begun, itself included: all are busy to the end.
    fn threads_for(&self, left: usize) -> usize {
        (self.threads / left.min(self.segments).max(1)).max(1)
    }
}

/// Does `work` for every one of `order`, in this order, some at a time; each call runs in a pool of threads of its own.
/// The results come in the order of `order`.
///
/// # Errors
/// The first in time; then nothing further is begun, and `stop` is set for what is running.
pub fn for_each<T, E>(
    order: &[usize],
    shares: Shares,
    stop: &AtomicBool,
    work: impl Fn(usize) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E>
where
    T: Send,
    E: Send + From<rayon::ThreadPoolBuildError>,
{
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<Option<T>>> = Mutex::new(order.iter().map(|_| None).collect());
    let first_error = Mutex::new(None);
    let one = |place: usize| -> Result<T, E> {
        let threads = shares.threads_for(order.len() - place);
        rayon::ThreadPoolBuilder::new().num_threads(threads).build()?.install(|| work(order[place]))
    };
    let worker = || {
        while !stop.load(Ordering::Relaxed) {
            let place = next.fetch_add(1, Ordering::Relaxed);
            if place >= order.len() {
                break;
            }
            match one(place) {
                Ok(result) => lock(&results)[place] = Some(result),
                Err(error) => {
                    lock(&first_error).get_or_insert(error);
                    stop.store(true, Ordering::Relaxed);
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..shares.segments.min(order.len()) {
            scope.spawn(worker);
        }
    });
    match first_error.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner()) {
        Some(error) => Err(error),
        None => {
            Ok(results.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner()).into_iter().flatten().collect())
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Where all segments stand together, for one observer.
pub struct Board<'a> {
    stop: &'a AtomicBool,
    state: Mutex<State<'a>>,
}

struct State<'a> {
    observer: &'a mut dyn Observer,
    segments: Vec<Standing>,
    finished: usize,
}

/// Where a segment stands.
#[derive(Clone, Copy, Default)]
struct Standing {
    frames: f64,
    /// Work of its fit; 0 while not known.
    all: u64,
    done: u64,
    cost: f64,
    distortion: f64,
    bytes: f64,
}

impl<'a> Board<'a> {
    /// For segments of these numbers of frames.
    pub fn new(frames: impl Iterator<Item = u32>, observer: &'a mut dyn Observer, stop: &'a AtomicBool) -> Self {
        let segments: Vec<Standing> =
            frames.map(|frames| Standing { frames: frames.into(), ..Standing::default() }).collect();
        let board = Self { stop, state: Mutex::new(State { observer, segments, finished: 0 }) };
        lock(&board.state).phase();
        board
    }

    /// Takes down a step of a segment and passes the whole on.
    pub fn step(&self, index: usize, progress: &Progress) -> ControlFlow<()> {
        let state = &mut *lock(&self.state);
        let before = state.segments[index];
        state.segments[index] = Standing {
            frames: before.frames,
            all: progress.all,
            done: progress.done,
            cost: progress.cost,
            distortion: progress.distortion,
            bytes: progress.bits / 8.0,
        };
        if state.observer.step(&state.total()).is_break() || self.stop.load(Ordering::Relaxed) {
            self.stop.store(true, Ordering::Relaxed);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    /// A segment is done: fitted now, or in an earlier run with `bytes` bytes.
    pub fn finished(&self, index: usize, bytes: usize) {
        let state = &mut *lock(&self.state);
        let standing = &mut state.segments[index];
        standing.bytes = bytes as f64;
        standing.done = standing.all;
        state.finished += 1;
        state.phase();
    }

    /// Something that a person should know.
    pub fn note(&self, text: &str) {
        lock(&self.state).observer.note(text);
    }
}

impl State<'_> {
    fn phase(&mut self) {
        let (count, finished) = (self.segments.len(), self.finished);
        let name = match (count, finished) {
            (1, _) => "fitting".into(),
            (_, 0) => format!("fitting {count} segments"),
            _ if finished == count => return,
            _ => format!("fitting {count} segments, {finished} done"),
        };
        self.observer.phase(&name);
    }

    /// The whole clip: what is known of the segments that have begun, weighted by their frames.
    fn total(&self) -> Step {
        // What is not known of a segment is expected to be as it is with the others, by frames.
        let each = self.segments.iter().map(|segment| segment.all as f64 / segment.frames).fold(0.0, f64::max);
        let all = |segment: &Standing| match segment.all {
            0 => (each * segment.frames) as u64,
            all => all,
        };
        // A segment that an earlier run finished was never given work.
        let done = |segment: &Standing| match segment.all {
            0 if segment.bytes > 0.0 => all(segment),
            _ => segment.done,
        };
        let begun = || self.segments.iter().filter(|segment| segment.distortion > 0.0);
        let sum = |of: fn(&Standing) -> f64| begun().map(|segment| segment.frames * of(segment)).sum::<f64>();
        let frames = sum(|_| 1.0);
        let sized = || self.segments.iter().filter(|segment| segment.bytes > 0.0);
        let sized_frames: f64 = sized().map(|segment| segment.frames).sum();
        let all_frames: f64 = self.segments.iter().map(|segment| segment.frames).sum();
        Step {
            step: self.segments.iter().map(done).sum(),
            steps: self.segments.iter().map(all).sum(),
            loss: sum(|segment| segment.cost) / frames,
            psnr: 10.0 * (255.0 * 255.0 / (sum(|segment| segment.distortion) / frames).max(1e-9)).log10(),
            bytes: sized().map(|segment| segment.bytes).sum::<f64>() * all_frames / sized_frames,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_cores_are_busy_and_memory_holds() {
        let shares = Shares::new(8, Some(1000), 300);
        assert_eq!(shares, Shares { threads: 8, segments: 3 });
        assert_eq!([9, 3, 2, 1].map(|left| shares.threads_for(left)), [2, 2, 4, 8]);
        assert_eq!(Shares::new(2, Some(10), 300).segments, 1);
        assert_eq!(Shares::new(2, None, 300).segments, 2);
    }

    #[test]
    fn results_keep_their_order_and_the_first_error_ends_it() {
        #[derive(Debug, PartialEq)]
        struct Odd(usize);
        impl From<rayon::ThreadPoolBuildError> for Odd {
            fn from(_: rayon::ThreadPoolBuildError) -> Self {
                Self(0)
            }
        }
        let shares = Shares { threads: 2, segments: 2 };
        let stop = AtomicBool::new(false);
        assert_eq!(for_each(&[4, 2, 6], shares, &stop, |n| Ok::<_, Odd>(10 * n)), Ok(vec![40, 20, 60]));
        let work = |n| if n % 2 == 1 { Err(Odd(n)) } else { Ok(n) };
        assert_eq!(for_each(&[2, 3, 4, 6, 8], shares, &stop, work), Err(Odd(3)));
        assert!(stop.load(Ordering::Relaxed));
    }
}
