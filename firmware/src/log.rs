//! What a player tells the log of its board, if it has one.

use core::fmt;

use crate::player::Event;

/// Logs an event.
#[cfg(feature = "defmt")]
pub(crate) fn event<R: fmt::Debug>(event: &Event<R>) {
    match event {
        Event::Shown { frame, late: true } => defmt::info!("picture {} is late", frame),
        Event::Shown { frame, late: false } => defmt::trace!("picture {}", frame),
        Event::Lost { frame, error } => {
            defmt::warn!("pictures from {} on are lost: {}", frame, defmt::Display2Format(error));
        }
        Event::End => defmt::info!("the clip has ended"),
    }
}

/// There is no log.
#[cfg(not(feature = "defmt"))]
pub(crate) fn event<R: fmt::Debug>(_: &Event<R>) {}
