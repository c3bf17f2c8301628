//! The real boards.

use clap::ValueEnum;

/// A board that one can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RealBoard {
    /// Raspberry Pi Pico 2 with an ST7789 panel
    Pico2,
    /// STM32F429 Discovery, STM32F429I-DISC1, with its own panel
    #[value(name = "stm32f429i-disc1")]
    Stm32F429iDisc1,
}

/// How a file comes to a board without a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transfer {
    /// As UF2 to the drive of the boot ROM.
    Uf2,
    /// As it lies in flash from `start` on, to the drive of the board's own probe.
    Binary { start: u32, drive: &'static str },
}

/// What there is to know about a board; the places are those of its program in `firmware/src/bin`.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    pub name: &'static str,
    pub target: &'static str,
    pub cpu: Option<&'static str>,
    /// Its name for probe-rs.
    pub chip: &'static str,
    /// Addresses of the program and of the clip, and bytes for the clip.
    pub flash: u32,
    pub clip: u32,
    pub clip_room: usize,
    /// Bytes that the decoder is lent.
    pub scratch: usize,
    /// Largest picture.
    pub panel: [u16; 2],
    pub transfer: Transfer,
}

impl RealBoard {
    /// What there is to know about it.
    pub fn facts(self) -> Facts {
        match self {
            Self::Pico2 => Facts {
                name: "pico2",
                target: "thumbv8m.main-none-eabihf",
                cpu: Some("cortex-m33"),
                chip: "RP235x",
                flash: 0x1000_0000,
                clip: 0x1008_0000,
                clip_room: (4 << 20) - (512 << 10),
                scratch: 300 << 10,
                panel: [320, 240],
                transfer: Transfer::Uf2,
            },
            Self::Stm32F429iDisc1 => Facts {
                name: "stm32f429i-disc1",
                target: "thumbv7em-none-eabihf",
                cpu: None,
                chip: "STM32F429ZITx",
                flash: 0x0800_0000,
                clip: 0x0804_0000,
                clip_room: (2 << 20) - (256 << 10),
                scratch: 144 << 10,
                panel: [320, 240],
                transfer: Transfer::Binary { start: 0x0800_0000, drive: "DIS_F429ZI" },
            },
        }
    }
}
