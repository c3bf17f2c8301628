//! Machines that play NVL, what they have, and what a picture costs there.
//!
//! Instructions per pixel are those of the worst picture that `cargo xtask bench decode` counts on the emulated machines, in which
//! everything moves, by a line over the MAC/pixel of the stream: mps2-an505 for Arm cores with DSP, riscv32-virt for RISC-V, and
//! for the portable kernels riscv32-virt without its own. What vector code costs is assumed, not counted. Cycles per instruction are
//! estimates from the cores' manuals: no board was at hand, and memories that make a core wait are not counted.

use decoder_core::Level;

/// Instructions that a luma sample costs: those that every stream needs, and those of a multiply-accumulate.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Instructions {
    every_pixel: f64,
    every_mac: f64,
}

/// The kernels for Arm cores with DSP.
const ARM_DSP: Instructions = Instructions { every_pixel: 190.0, every_mac: 1.17 };
/// The kernels for RISC-V with multiplication.
const RISCV: Instructions = Instructions { every_pixel: 242.0, every_mac: 3.10 };
/// The portable kernels on a 32-bit core.
const PORTABLE: Instructions = Instructions { every_pixel: 510.0, every_mac: 7.66 };
/// The portable kernels where the compiler makes vectors of them: an assumption, for want of a machine that counts them.
const VECTORS: Instructions = Instructions { every_pixel: 345.0, every_mac: 0.6 };

/// A machine, alone with the decoder.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Device {
    /// The name that command lines use.
    pub name: &'static str,
    /// What it is.
    pub title: &'static str,
    /// Its processor.
    pub core: &'static str,
    /// Clock of a core in Hz; one core decodes.
    pub clock: f64,
    /// Memory that it can lend to the decoder, bytes.
    pub scratch: usize,
    /// The level that it is meant for.
    pub level: Level,
    instructions: Instructions,
    /// Cycles of an instruction, on average.
    cycles: f64,
}

/// Machines that are known, weakest first.
pub const DEVICES: [Device; 6] = [
    Device {
        name: "esp32c6",
        title: "ESP32-C6",
        core: "RV32IMAC, 160 MHz",
        clock: 160e6,
        scratch: 320 << 10,
        level: Level::Nano,
        instructions: RISCV,
        cycles: 1.3,
    },
    Device {
        name: "esp32s3",
        title: "ESP32-S3",
        core: "Xtensa LX7, 240 MHz",
        clock: 240e6,
        scratch: 320 << 10,
        level: Level::Nano,
        instructions: PORTABLE,
        cycles: 1.3,
    },
    Device {
        name: "stm32f4",
        title: "STM32F407",
        core: "Cortex-M4F, 168 MHz",
        clock: 168e6,
        scratch: 112 << 10,
        level: Level::Nano,
        instructions: ARM_DSP,
        cycles: 1.4,
    },
    Device {
        name: "pico2",
        title: "Raspberry Pi Pico 2 (RP2350)",
        core: "Cortex-M33, 150 MHz",
        clock: 150e6,
        scratch: 448 << 10,
        level: Level::Nano,
        instructions: ARM_DSP,
        cycles: 1.4,
    },
    Device {
        name: "stm32h7",
        title: "STM32H743",
        core: "Cortex-M7, 480 MHz",
        clock: 480e6,
        scratch: 480 << 10,
        level: Level::Micro,
        instructions: ARM_DSP,
        cycles: 0.8,
    },
    Device {
        name: "a53",
        title: "Raspberry Pi Zero 2 W",
        core: "Cortex-A53, 1 GHz",
        clock: 1e9,
        scratch: 64 << 20,
        level: Level::Edge,
        instructions: VECTORS,
        cycles: 0.9,
    },
];

impl Device {
    /// The device with a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        DEVICES.into_iter().find(|device| device.name == name)
    }

    /// Pictures of `pixels` luma samples that it decodes in a second, about.
    ///
    /// # Examples
    /// ```
    /// let pico = host_encoder::device::Device::named("pico2").expect("it is known");
    /// assert!(pico.frames_per_second(100, 96 * 96) > pico.frames_per_second(100, 160 * 120));
    /// ```
    #[must_use]
    pub fn frames_per_second(&self, mac_per_pixel: u32, pixels: u64) -> f64 {
        let Instructions { every_pixel, every_mac } = self.instructions;
        let instructions = every_pixel + every_mac * f64::from(mac_per_pixel);
        self.clock / (self.cycles * instructions * pixels as f64)
    }

    /// Whether it has the memory for a stream that needs `scratch` bytes.
    #[must_use]
    pub fn has_memory(&self, scratch: usize) -> bool {
        scratch <= self.scratch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_found_by_its_name_and_faster_ones_play_faster() {
        for device in DEVICES {
            assert_eq!(Device::named(device.name), Some(device));
        }
        assert_eq!(Device::named("abacus"), None);
        let speed = |name| Device::named(name).unwrap().frames_per_second(100, 160 * 96);
        assert!(speed("stm32f4") < speed("stm32h7") && speed("stm32h7") < speed("a53"));
        let pico = Device::named("pico2").unwrap();
        assert!(pico.frames_per_second(300, 1000) < pico.frames_per_second(100, 1000));
    }
}
