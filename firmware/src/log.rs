//! What a player tells the log of its board, if it has one.

use crate::player::Event;

/// Logs an event.
#[cfg(feature = "defmt")]
pub(crate) fn event(event: &Event) {
    match event {
        Event::Shown { late: true, .. } => defmt::info!("{}", event),
        Event::Shown { late: false, .. } => defmt::trace!("{}", event),
        Event::Lost { .. } => defmt::warn!("{}", event),
        Event::End => defmt::info!("the clip has ended"),
    }
}

/// There is no log.
#[cfg(not(feature = "defmt"))]
pub(crate) fn event(_: &Event) {}
