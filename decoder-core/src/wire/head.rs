//! What is known of a stream before anything of it is decoded.

use super::FileHeader;
use crate::error::Result;
use crate::limits::Limits;
use crate::synthesis::Demand;

/// A file header that has been checked, and what its stream costs.
#[derive(Clone, Debug)]
pub struct Head {
    header: FileHeader,
    demand: Demand,
}

impl Head {
    /// Reads the file header at the start of `bytes`; returns it and where the index begins.
    ///
    /// # Errors
    /// [`Error::NeedMoreData`](crate::Error::NeedMoreData) if the bytes end within it, [`Error::Limit`](crate::Error::Limit) if the
    /// stream costs more than `limits` or than its own level allows, otherwise what is wrong with it.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<(Self, usize)> {
        let (header, at) = FileHeader::parse(bytes)?;
        limits.check(&Limits {
            width: header.width,
            height: header.height,
            mac_per_pixel: 0,
            mac_per_second: 0,
            scratch: 0,
        })?;
        let demand = header.check()?;
        header.level.limits().check(&demand.limits)?;
        limits.check(&demand.limits)?;
        Ok((Self { header, demand }, at))
    }

    /// What the header says.
    #[must_use]
    pub fn header(&self) -> &FileHeader {
        &self.header
    }

    /// Bytes of memory that [`Decoder::for_head`](crate::DecoderWith::for_head) needs, a multiple of 4.
    #[must_use]
    pub fn scratch_len(&self) -> usize {
        self.demand.limits.scratch
    }

    /// Work for one luma sample, in multiply-accumulates, rounded up.
    #[must_use]
    pub fn mac_per_pixel(&self) -> u32 {
        self.demand.limits.mac_per_pixel
    }

    pub(crate) fn demand(&self) -> &Demand {
        &self.demand
    }
}
