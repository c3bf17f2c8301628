//! Encodes that differ from those of a preset in one thing.

use decoder_core::order::MAX_PYRAMID;
use decoder_core::wire::{Architecture, Geometry, Layer, LayerKind, Motion, Stage};
use host_encoder::settings::Ablation;
use host_encoder::train::Load;

/// Channels of a stage before the last, where each has layers.
const WIDTH: u8 = 6;
/// Most hidden channels that the format has.
const WIDEST: u8 = 64;

/// What differs.
#[derive(Clone, Copy, Debug)]
pub struct Variant {
    /// The architecture, made from the preset's.
    pub architecture: Option<fn(&Architecture, Geometry) -> Architecture>,
    /// Whether pictures are predicted.
    pub motion: bool,
    /// The largest pyramid of pictures that are predicted from both sides; without one the presets have a shorter reach as well.
    pub pyramid: u8,
    /// Whether luma is filtered where a residual was added.
    pub loop_filter: bool,
    /// What the fitting leaves out.
    pub ablation: Ablation,
}

impl Default for Variant {
    /// Nothing.
    fn default() -> Self {
        Self {
            architecture: None,
            motion: true,
            pyramid: MAX_PYRAMID,
            loop_filter: true,
            ablation: Ablation::default(),
        }
    }
}

/// The finest grid alone, with as many hidden channels as there are multiplications left for.
pub fn one_grid(preset: &Architecture, geometry: Geometry) -> Architecture {
    let mut one = preset.clone();
    one.grids = preset.grids.iter().skip(preset.grids.len().saturating_sub(1)).copied().collect();
    let finest = one.grids.first().map_or(0, |grid| usize::from(grid.stride_log2));
    one.stages = preset.stages.iter().skip(preset.stages.len().saturating_sub(finest + 1)).cloned().collect();
    as_dear(one, preset, geometry)
}

/// Blocks of which none is split.
pub fn whole_blocks(preset: &Architecture, _: Geometry) -> Architecture {
    let mut whole = preset.clone();
    whole.motion = preset.motion.map(|motion| Motion { splits: false, ..motion });
    whole
}

/// A 3x3 layer at every stage, so that each grid is seen by layers at its own stride, and as many hidden channels at the last as
/// there are multiplications left for.
pub fn injected(preset: &Architecture, geometry: Geometry) -> Architecture {
    let mut staged = preset.clone();
    let bias = preset.motion.is_none();
    let layer = Layer { kind: LayerKind::Full, outputs: WIDTH, relu: true, residual: false, bias };
    let last = staged.stages.len().saturating_sub(1);
    for stage in staged.stages.iter_mut().take(last) {
        *stage = Stage { layers: [layer].into_iter().collect() };
    }
    as_dear(staged, preset, geometry)
}

/// `variant` with the most channels after the first layer of the last stage that leave it no dearer than `preset`; one at least.
fn as_dear(variant: Architecture, preset: &Architecture, geometry: Geometry) -> Architecture {
    let macs = |architecture: &Architecture| Load::of(architecture, geometry).macs;
    let with = |hidden: u8| {
        let mut variant = variant.clone();
        if let Some(layer) = variant.stages.last_mut().and_then(|stage| stage.layers.first_mut()) {
            layer.outputs = hidden;
        }
        variant
    };
    (2..=WIDEST).rev().map(with).find(|variant| macs(variant) <= macs(preset)).unwrap_or_else(|| with(1))
}

#[cfg(test)]
mod tests {
    use decoder_core::Level;
    use host_encoder::settings::EncodeSettings;
    use host_encoder::train::architecture;

    use super::*;

    #[test]
    fn variants_are_of_the_format_and_nearly_as_dear() {
        let geometry = Geometry::new(176, 144);
        for level in [Level::Nano, Level::Micro] {
            for lambda in [30.0, 150.0, 810.0] {
                for motion in [true, false] {
                    let settings = EncodeSettings { level, lambda, motion, ..EncodeSettings::default() };
                    let preset = architecture(&settings, geometry);
                    for make in [one_grid, injected] {
                        let variant = make(&preset, geometry);
                        assert!(variant.check().is_ok() && variant != preset, "{variant:?}");
                        assert_eq!(variant.keeps_zero(), preset.keeps_zero());
                        let [own, of_preset] = [&variant, &preset].map(|of| Load::of(of, geometry).macs);
                        assert!(own <= of_preset && own > 0.95 * of_preset, "{own} of {of_preset}: {variant:?}");
                    }
                    assert_eq!(one_grid(&preset, geometry).grids.len(), 1);
                    assert!(injected(&preset, geometry).stages.iter().all(|stage| !stage.layers.is_empty()));
                }
            }
        }
    }
}
