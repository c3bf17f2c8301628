//! Segments and payloads made to be refused, and the error that each has to give.

use decoder_core::entropy::tables::{MORE, SIGN, ZERO};
use decoder_core::entropy::{Coder, raw};
use decoder_core::wire::{FileHeader, SegmentHeader};
use decoder_core::{Corruption, Decoder, Error, Limits, Stream, Unsupported};
use host_encoder::bitstream::{RangeEncoder, SegmentModel, Update};
use ndarray::s;
use nvl_tests::frames::decode;
use nvl_tests::mend;
use nvl_tests::streams::{RandomStream, any_stream};

/// A valid file of one segment with motion, more than a chunk, biases, and a layer of enough inputs for sums over 32 bits; where its segment begins.
fn base() -> (RandomStream, usize) {
    let fits = |stream: &RandomStream| {
        let [model] = &stream.models[..] else { return false };
        let wide = stream.header.architecture.layers().any(|(_, inputs, layer)| layer.kind.weights(inputs, 1) > 64);
        model.motion.is_some()
            && model.frames > 1 << stream.header.architecture.root_depth
            && !model.biases.is_empty()
            && wide
    };
    let stream = (0..).map(any_stream).find(fits).expect("there are infinitely many");
    let body = Stream::open(&stream.bytes, &Limits::HOST).expect("it is valid").head_len();
    (stream, body)
}

/// The file with another segment.
fn with_segment(base: &(RandomStream, usize), edit: impl FnOnce(&mut SegmentHeader), payload: &[u8]) -> Vec<u8> {
    let (stream, body) = base;
    let (mut header, _) = mend::segment_header(&stream.bytes, *body).expect("it is valid");
    header.payload_len = payload.len() as u32;
    header.payload_crc = decoder_core::wire::CRC.checksum(payload);
    edit(&mut header);
    let mut bytes = stream.bytes[..*body].to_vec();
    mend::segment(&mut bytes, &header, payload);
    bytes
}

type SegmentEdit = fn(&mut SegmentHeader);
/// Has it updated as `edit` says, from the second chunk on.
fn updated(header: &FileHeader, model: &mut SegmentModel, edit: fn(&mut Update)) {
    let first = 1 << header.architecture.root_depth;
    let (gains, weights, biases) = (model.scalars.gains.to_vec(), model.weights.clone(), model.biases.clone());
    let mut update = Update { first, gains, weights, biases };
    edit(&mut update);
    model.updates = vec![update];
}

type ModelEdit = fn(&mut SegmentModel);

#[test]
fn segments_are_refused_for_what_is_wrong_with_them() {
    let base = base();
    let payload = Stream::open(&base.0.bytes, &Limits::HOST).unwrap().segment(0).unwrap().payload().unwrap().to_vec();
    let invalid = Error::Corrupt(Corruption::SegmentHeader);
    let edits: [(&str, SegmentEdit, Error); 14] = [
        ("number 1", |h| h.index = 1, invalid),
        ("number 2^32 - 1", |h| h.index = u32::MAX, invalid),
        ("first frame 1", |h| h.first_frame = 1, invalid),
        ("frames that wrap", |h| h.first_frame = u32::MAX, invalid),
        ("no frames", |h| h.frames = 0, invalid),
        ("a frame less than the file's", |h| h.frames -= 1, invalid),
        ("most frames", |h| h.frames = u16::MAX, invalid),
        ("a filter of strength 17", |h| h.loop_filter.strength = 17, invalid),
        ("a filter of reach 128", |h| h.loop_filter.reach = 128, invalid),
        ("base 1", |h| h.base = 1, Error::Unsupported(Unsupported::WeightBase(1))),
        ("base 255", |h| h.base = 255, Error::Unsupported(Unsupported::WeightBase(255))),
        ("another checksum", |h| h.payload_crc ^= 1, Error::Corrupt(Corruption::PayloadChecksum)),
        ("a payload that ends early", |h| h.payload_len -= 1, invalid),
        ("an empty payload", |h| h.payload_len = 0, invalid),
    ];
    assert!(decode(&with_segment(&base, |_| (), &payload)).is_ok());
    for (name, edit, expected) in edits {
        assert_eq!(decode(&with_segment(&base, edit, &payload)).err(), Some(expected), "{name}");
    }
    for len in [1, 1 << 31, u32::MAX] {
        let bytes = with_segment(&base, |h| h.payload_len = h.payload_len.saturating_add(len), &payload);
        let result = decode(&bytes).err();
        assert!(
            matches!(result, Some(Error::NeedMoreData { at_least }) if at_least > bytes.len()),
            "{len}: {result:?}"
        );
    }
    let mut still =
        (0..).map(any_stream).find(|s| s.header.architecture.motion.is_none()).expect("there are infinitely many");
    still.header.segments = 1;
    let body = Stream::open(&still.bytes, &Limits::HOST).unwrap().head_len();
    let bytes = with_segment(&(still, body), |h| h.predicted = true, &payload);
    assert_eq!(decode(&bytes).err(), Some(invalid), "prediction without motion");
}

/// The payload of a model that the format does not have, as far as its first wrong value.
fn payload_of(header: &FileHeader, model: &SegmentModel) -> (Vec<u8>, Result<(), Error>) {
    let mut coder = RangeEncoder::default();
    let result = model.code(&header.architecture, header.geometry(), &mut coder, |_| 0.0).map(drop);
    (coder.finish(), result)
}

#[test]
fn payloads_are_refused_for_what_is_wrong_with_them() {
    let base = base();
    let header = &base.0.header;
    let weight = Corruption::Weight;
    let edits: [(&str, ModelEdit, Corruption); 11] = [
        ("gain 0", |m| m.scalars.gains[0] = 0, weight),
        ("shift 0", |m| m.scalars.shifts[0] = 0, weight),
        ("weight 1024", |m| m.weights[0] = 1024, weight),
        ("weight -32768", |m| m.weights[0] = i16::MIN, weight),
        ("context parameter -128", |m| m.context[0] = -128, weight),
        ("the last context parameter -128", |m| *m.context.last_mut().unwrap() = -128, weight),
        ("sums over 32 bits", |m| m.weights.fill(1023), Corruption::Overflow),
        ("latent -128", |m| m.grids[0].fill(-128), Corruption::Latent),
        (
            "vertical vector -128",
            |m| m.motion.as_mut().unwrap().slice_mut(s![1.., .., .., ..]).fill(-128),
            Corruption::Latent,
        ),
        (
            "a shift by 15 with the largest bias",
            |m| {
                m.scalars.shifts.fill(15);
                m.biases.fill(4095);
                m.weights.fill(1023);
            },
            Corruption::Overflow,
        ),
        (
            "bias 4096",
            |m| {
                m.weights.fill(0);
                m.biases.fill(4096);
            },
            weight,
        ),
    ];
    for (name, edit, expected) in edits {
        let mut model = base.0.models[0].clone();
        edit(&mut model);
        let (payload, encoded) = payload_of(header, &model);
        let expected = Error::Corrupt(expected);
        assert_eq!(encoded, Err(expected), "{name}: the encoder");
        assert_eq!(decode(&with_segment(&base, |_| (), &payload)).err(), Some(expected), "{name}: the decoder");
    }

    type UpdateEdit = fn(&mut Update);
    let edits: [(&str, UpdateEdit, Option<Corruption>); 6] = [
        ("nothing", |_| (), None),
        ("gain 0", |u| u.gains[0] = 0, Some(weight)),
        ("gain 16384", |u| u.gains[0] = 16384, Some(weight)),
        ("weight 1024", |u| u.weights[0] = 1024, Some(weight)),
        ("bias -4096", |u| u.biases[0] = -4096, Some(weight)),
        ("sums over 32 bits", |u| u.weights.fill(1023), Some(Corruption::Overflow)),
    ];
    for (name, edit, expected) in edits {
        let mut model = base.0.models[0].clone();
        updated(header, &mut model, edit);
        let (payload, encoded) = payload_of(header, &model);
        let expected = expected.map(Error::Corrupt);
        assert_eq!(encoded.err(), expected, "an update, {name}: the encoder");
        let decoded = decode(&with_segment(&base, |_| (), &payload)).err();
        assert_eq!(decoded, expected, "an update, {name}: the decoder");
    }
    let mut late = base.0.models[0].clone();
    updated(header, &mut late, |u| u.first = 0);
    assert!(payload_of(header, &late).1.is_err(), "an update of the first chunk");

    let (whole, _) = payload_of(header, &base.0.models[0]);
    let length = Some(Error::Corrupt(Corruption::PayloadLength));
    // The code looks four bytes ahead.
    assert_eq!(decode(&with_segment(&base, |_| (), &[&whole[..], &[0; 5]].concat())).err(), length, "bytes behind it");
    let cut = &whole[..whole.len() - 6];
    assert_eq!(decode(&with_segment(&base, |_| (), cut)).err(), length, "6 bytes too few");
    // Missing bytes are zeros, and so is then the first gain.
    assert_eq!(decode(&with_segment(&base, |_| (), &[])).err(), Some(Error::Corrupt(weight)), "nothing");

    let mut far = base.0.models[0].clone();
    let reach = header.architecture.motion.expect("it has motion").reach;
    far.motion.as_mut().expect("it has motion")[[1, 0, 0, 0]] = 4 * reach as i8 + 1;
    let (payload, _) = payload_of(header, &far);
    assert_eq!(decode(&with_segment(&base, |_| (), &payload)).err(), Some(Error::Corrupt(Corruption::Motion)));

    let has_sides =
        |stream: &RandomStream| matches!(&stream.models[..], [model] if model.sides.is_some() && model.frames > 2);
    let stream = (0..).map(any_stream).find(has_sides).expect("there are infinitely many");
    let body = Stream::open(&stream.bytes, &Limits::HOST).expect("it is valid").head_len();
    for side in [-2, 2] {
        let mut model = stream.models[0].clone();
        model.sides.as_mut().expect("it has sides")[[2, 0, 0]] = side;
        let (payload, _) = payload_of(&stream.header, &model);
        let bytes = with_segment(&(stream.clone(), body), |_| (), &payload);
        assert_eq!(decode(&bytes).err(), Some(Error::Corrupt(Corruption::Motion)), "side {side}");
    }

    let has_splits =
        |stream: &RandomStream| matches!(&stream.models[..], [model] if model.splits.is_some() && model.frames > 1);
    let stream = (0..).map(any_stream).find(has_splits).expect("there are infinitely many");
    let body = Stream::open(&stream.bytes, &Limits::HOST).expect("it is valid").head_len();
    let reach = 4 * stream.header.architecture.motion.expect("it has motion").reach as i8;
    let first = (1..).find(|&frame| stream.models[0].order().is_from_one(frame)).expect("there is one");
    for (component, limit) in [(0, reach), (1, 127)] {
        for (beyond, expected) in [(0, None), (1, Some(Error::Corrupt(Corruption::Motion)))] {
            let mut model = stream.models[0].clone();
            let (motion, splits) = (model.motion.as_mut().expect("above"), model.splits.as_mut().expect("above"));
            motion[[first, component, 0, 0]] = limit - 1;
            splits.slice_mut(s![first, .., ..2, ..2]).fill(0);
            splits[[first, 1 + component, 0, 0]] = 1 + beyond;
            let (payload, _) = payload_of(&stream.header, &model);
            let bytes = with_segment(&(stream.clone(), body), |_| (), &payload);
            assert_eq!(decode(&bytes).err(), expected, "component {component}, {beyond} too far");
        }
    }
    for selector in [-2, 3] {
        let mut model = stream.models[0].clone();
        model.splits.as_mut().expect("above")[[first, 0, 0, 0]] = selector;
        let (payload, _) = payload_of(&stream.header, &model);
        let bytes = with_segment(&(stream.clone(), body), |_| (), &payload);
        assert_eq!(decode(&bytes).err(), Some(Error::Corrupt(Corruption::Motion)), "selector {selector}");
    }
}

#[test]
fn a_number_without_end_is_refused() {
    let base = base();
    let mut coder = RangeEncoder::default();
    for _ in &base.0.header.architecture.grids {
        raw(&mut coder, 14, 1);
    }
    // A shift, a scale class, a weight with the largest magnitude that is counted, and then nothing but zeros.
    raw(&mut coder, 4, 1);
    raw(&mut coder, 6, 0);
    coder.decision(ZERO[0][0].into(), true);
    coder.decision(SIGN[0][0].into(), true);
    for _ in 1..15 {
        coder.decision((1 << 16) - u32::from(MORE[0]), true);
    }
    for _ in 0..20 {
        coder.decision(1 << 15, false);
    }
    let bytes = with_segment(&base, |_| (), &coder.finish());
    assert_eq!(decode(&bytes).err(), Some(Error::Corrupt(Corruption::Number)));
}

/// The tables above, the flips of `damage.rs` and these few reach every variant.
#[test]
fn the_other_variants_are_reached() {
    let (stream, body) = base();
    let bytes = &stream.bytes;
    let opened = Stream::open(bytes, &Limits::HOST).expect("it is valid");
    let required = opened.scratch_len();
    let mut short = vec![0; required / 4 - 1];
    let error = Decoder::new(&opened, &mut short).err();
    assert_eq!(error, Some(Error::ScratchTooSmall { required, lent: required - 4 }));
    let mut version = bytes.clone();
    version[3] = 1;
    assert_eq!(decode(&version).err(), Some(Error::Unsupported(Unsupported::Version(1))));
    assert_eq!(decode(b"NVM").err(), Some(Error::Corrupt(Corruption::Magic)));
    assert_eq!(decode(b"NV").err(), Some(Error::NeedMoreData { at_least: 6 }));
    assert_eq!(opened.index_entry(1).err(), Some(Error::Corrupt(Corruption::Index)), "an entry too many");
    // An index that points into the header, and one that points beyond the end; their checksums are right.
    for offset in [0, body as u32 - 1, u32::MAX] {
        let mut moved = bytes.clone();
        moved[body - 12..body - 8].copy_from_slice(&offset.to_le_bytes());
        mend::front(&mut moved);
        let error = Stream::open(&moved, &Limits::HOST).expect("the checksum is right").segment(0).err();
        let expected = match offset {
            u32::MAX => matches!(error, Some(Error::NeedMoreData { .. })),
            _ => error == Some(Error::Corrupt(Corruption::Index)),
        };
        assert!(expected, "{offset}: {error:?}");
    }
}
