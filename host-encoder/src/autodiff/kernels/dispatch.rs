//! Choice of the instruction set at run time. The only module of the tape with `unsafe` code.

use crate::autodiff::Real;

/// How a kernel multiplies and adds. A kernel takes this as a type parameter because [`Real::fma`] without hardware
/// support is a library call, a hundred times slower than two roundings.
pub trait Arith {
    /// `a * b + c`.
    fn fma<T: Real>(a: T, b: T, c: T) -> T;
}

/// One rounding: for code compiled for a CPU with FMA.
pub struct Fused;

/// Two roundings: for code compiled for any CPU.
pub struct Plain;

impl Arith for Fused {
    #[inline(always)]
    fn fma<T: Real>(a: T, b: T, c: T) -> T {
        a.fma(b, c)
    }
}

impl Arith for Plain {
    #[inline(always)]
    fn fma<T: Real>(a: T, b: T, c: T) -> T {
        a * b + c
    }
}

/// A piece of work that is compiled once for every instruction set.
///
/// `run` and everything it calls must be `#[inline(always)]`, else it keeps the instruction set of the build.
pub trait Job {
    /// What the work returns.
    type Output;
    /// Does it.
    fn run<A: Arith>(self) -> Self::Output;
}

/// What the build's own instruction set offers: every AArch64 CPU has fused multiply-add, the x86-64 baseline has not.
#[cfg(any(target_arch = "aarch64", target_feature = "fma"))]
type Baseline = Fused;
#[cfg(not(any(target_arch = "aarch64", target_feature = "fma")))]
type Baseline = Plain;

/// Runs `job` with the instruction set of the build, as on a CPU without AVX2.
#[inline]
pub fn portable<J: Job>(job: J) -> J::Output {
    job.run::<Baseline>()
}

/// Runs `job` with the best instruction set that this CPU has.
#[cfg(target_arch = "x86_64")]
#[inline]
pub fn dispatch<J: Job>(job: J) -> J::Output {
    #[target_feature(enable = "avx2,fma")]
    fn with_avx2<J: Job>(job: J) -> J::Output {
        job.run::<Fused>()
    }
    // The standard library caches the answers: a relaxed load each.
    if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
        // SAFETY: `with_avx2` needs AVX2 and FMA, and the CPU was just found to have both.
        return unsafe { with_avx2(job) };
    }
    portable(job)
}

/// Runs `job` with the best instruction set that this CPU has.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
pub fn dispatch<J: Job>(job: J) -> J::Output {
    portable(job)
}
