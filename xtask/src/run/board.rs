//! The machines that QEMU emulates.

use clap::ValueEnum;

/// A machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Board {
    /// Arm Cortex-M4F
    #[value(name = "mps2-an386")]
    Mps2An386,
    /// Arm Cortex-M7, with the image of mps2-an386
    #[value(name = "mps2-an500")]
    Mps2An500,
    /// Arm Cortex-M33
    #[value(name = "mps2-an505")]
    Mps2An505,
    /// Arm Cortex-M55
    #[value(name = "mps3-an547")]
    Mps3An547,
    /// RISC-V RV32IMAC
    #[value(name = "riscv32-virt")]
    Riscv32Virt,
}

/// What there is to know about a machine.
pub struct Machine {
    /// Its name on the command line.
    pub name: &'static str,
    /// Its processor.
    pub processor: &'static str,
    /// The binary of the package `firmware`.
    pub binary: &'static str,
    /// What the binary is built for, and the processor that the compiler is told.
    pub target: &'static str,
    pub cpu: Option<&'static str>,
    /// The program of QEMU, and what makes it this machine.
    pub emulator: &'static str,
    pub arguments: &'static [&'static str],
    /// An instruction takes `2^shift` ns.
    pub shift: u32,
    /// Instructions to ticks of the image's counter. Arm's goes with the machine's clock (25 MHz, 20 MHz and 32 MHz), RISC-V's
    /// counts instructions.
    pub instructions_per_tick: [u64; 2],
    /// A processor of its kind that is sold, and its usual clock.
    pub example: &'static str,
    pub megahertz: u32,
    /// Cycles that an instruction takes there, waits for memory left out. Cortex-M4 and M33: what `run --profile` estimates for
    /// decoding by the model of `profile::cycles`. The others are assumptions: the M7 begins up to two instructions a cycle,
    /// vectors of the M55 take two, loads of a small RISC-V wait for one.
    pub cycles_per_instruction: f64,
    /// Whether the model of `profile::cycles` is that of its processor.
    pub is_modelled: bool,
}

const ARM: &str = "qemu-system-arm";

static MACHINES: [Machine; 5] = [
    Machine {
        name: "mps2-an386",
        processor: "Cortex-M4F",
        binary: "mps2-an386",
        target: "thumbv7em-none-eabihf",
        cpu: None,
        emulator: ARM,
        arguments: &["-M", "mps2-an386"],
        shift: 3,
        instructions_per_tick: [5, 1],
        example: "STM32F429",
        megahertz: 180,
        cycles_per_instruction: 1.4,
        is_modelled: true,
    },
    Machine {
        name: "mps2-an500",
        processor: "Cortex-M7",
        binary: "mps2-an386",
        target: "thumbv7em-none-eabihf",
        cpu: None,
        emulator: ARM,
        arguments: &["-M", "mps2-an500"],
        shift: 3,
        instructions_per_tick: [5, 1],
        example: "STM32H743",
        megahertz: 480,
        cycles_per_instruction: 0.8,
        is_modelled: false,
    },
    Machine {
        name: "mps2-an505",
        processor: "Cortex-M33",
        binary: "mps2-an505",
        target: "thumbv8m.main-none-eabihf",
        cpu: Some("cortex-m33"),
        emulator: ARM,
        arguments: &["-M", "mps2-an505"],
        shift: 3,
        instructions_per_tick: [25, 4],
        example: "RP2350, one core",
        megahertz: 150,
        cycles_per_instruction: 1.4,
        is_modelled: true,
    },
    Machine {
        name: "mps3-an547",
        processor: "Cortex-M55",
        binary: "mps3-an547",
        target: "thumbv8m.main-none-eabihf",
        cpu: Some("cortex-m55"),
        emulator: ARM,
        arguments: &["-M", "mps3-an547"],
        shift: 3,
        instructions_per_tick: [125, 32],
        example: "Alif E7, high performance",
        megahertz: 400,
        cycles_per_instruction: 1.2,
        is_modelled: false,
    },
    Machine {
        name: "riscv32-virt",
        processor: "RV32IMAC",
        binary: "riscv32-virt",
        target: "riscv32imac-unknown-none-elf",
        cpu: None,
        emulator: "qemu-system-riscv32",
        arguments: &["-M", "virt", "-bios", "none"],
        shift: 0,
        instructions_per_tick: [1, 1],
        example: "ESP32-C6",
        megahertz: 160,
        cycles_per_instruction: 1.3,
        is_modelled: false,
    },
];

impl Board {
    /// What there is to know about it.
    pub fn machine(self) -> &'static Machine {
        &MACHINES[self as usize]
    }
}

impl Machine {
    /// Its name and its processor.
    pub fn description(&self) -> String {
        format!("{} ({})", self.name, self.processor)
    }

    /// Instructions of so many ticks.
    pub fn instructions(&self, ticks: u64) -> u64 {
        let [instructions, of_ticks] = self.instructions_per_tick;
        ticks * instructions / of_ticks
    }

    /// Pictures that its example could decode in a second, each of so many instructions.
    pub fn pictures_per_second(&self, instructions: f64) -> f64 {
        f64::from(self.megahertz) * 1e6 / (instructions * self.cycles_per_instruction)
    }

    /// Whether its instructions are those of Arm's Thumb.
    pub fn is_arm(&self) -> bool {
        self.emulator == ARM
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_stand_in_the_order_of_the_boards() {
        for board in Board::value_variants() {
            assert_eq!(board.to_possible_value().unwrap().get_name(), board.machine().name);
        }
    }
}
