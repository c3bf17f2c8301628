// The decoder of NVL, neural video for small machines, for C.
//
// Nothing is allocated: the caller lends memory. Every function may be called with anything that its description allows or
// forbids; what is forbidden and can be seen gives an error code. Made from the Rust sources by cbindgen: do not edit.

#ifndef NVL_H
#define NVL_H

#include <stddef.h>
#include <stdint.h>

// Flag for `nvl_next_frame`: rows come as a whole.
#define NVL_WHOLE_ROWS 0

// Flag for `nvl_next_frame`: only parts of rows come that may differ from the picture before, which the caller still has.
// The first picture of a segment comes as a whole.
#define NVL_CHANGES 1

// What a function has to say. All but `NVL_OK` and `NVL_END` are errors.
enum nvl_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // It is done.
  NVL_OK = 0,
  // There are no more pictures.
  NVL_END = 1,
  // A callback did not return 0; the rest of the segment is given up.
  NVL_STOPPED = 2,
  // A pointer is null that must not be.
  NVL_NULL_POINTER = 10,
  // A length, an alignment or a flag is impossible, or two buffers overlap.
  NVL_BAD_ARGUMENT = 11,
  // The decoder was never opened, is closed, or its memory was moved or overwritten.
  NVL_NOT_OPEN = 12,
  // The decoder was called from within one of its own callbacks.
  NVL_BUSY = 13,
  // The clip does not have this segment.
  NVL_NO_SUCH_SEGMENT = 14,
  // The lent memory is too small: `nvl_probe` says how much is needed.
  NVL_MEMORY_TOO_SMALL = 15,
  // The strip has less than two rows of the picture.
  NVL_STRIP_TOO_SMALL = 16,
  // The data end too early.
  NVL_NEED_MORE_DATA = 20,
  // The clip asks for more than the format or its own level allows.
  NVL_LIMIT = 21,
  // The format has it, this decoder does not: a version that is too new.
  NVL_UNSUPPORTED = 22,
  // The clip is damaged in a way that has no code of its own.
  NVL_CORRUPT = 30,
  // The data do not begin with `NVL`.
  NVL_CORRUPT_MAGIC = 31,
  // The file header's checksum does not match.
  NVL_CORRUPT_HEADER_CHECKSUM = 32,
  // The file header has a value out of its range.
  NVL_CORRUPT_HEADER = 33,
  // The index is damaged.
  NVL_CORRUPT_INDEX = 34,
  // There is no sync word where a segment begins.
  NVL_CORRUPT_SYNC = 35,
  // A segment header's checksum does not match.
  NVL_CORRUPT_SEGMENT_CHECKSUM = 36,
  // A segment header has a value out of its range or out of order.
  NVL_CORRUPT_SEGMENT_HEADER = 37,
  // A segment's checksum does not match.
  NVL_CORRUPT_PAYLOAD_CHECKSUM = 38,
  // A segment has more or fewer bytes than its pictures.
  NVL_CORRUPT_PAYLOAD_LENGTH = 39,
  // A coded number is too long.
  NVL_CORRUPT_NUMBER = 40,
  // A weight is out of its range.
  NVL_CORRUPT_WEIGHT = 41,
  // Weights could overflow their sum.
  NVL_CORRUPT_OVERFLOW = 42,
  // A latent is out of its range.
  NVL_CORRUPT_LATENT = 43,
  // A motion vector is out of its range.
  NVL_CORRUPT_MOTION = 44,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum nvl_status nvl_status;
#else
typedef int32_t nvl_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// An open clip. It lives at the start of the lent memory, which must stay where it is until `nvl_close`.
typedef struct nvl_decoder nvl_decoder;

// What a clip is and what it needs.
typedef struct {
  // Luma samples a row.
  uint16_t width;
  // Luma rows.
  uint16_t height;
  // Pictures a second: `rate_num / rate_den`.
  uint32_t rate_num;
  // See `rate_num`.
  uint32_t rate_den;
  // Pictures.
  uint32_t frames;
  // Segments.
  uint32_t segments;
  // Work for a luma sample in multiply-accumulates, rounded up.
  uint32_t mac_per_pixel;
  // Bytes to lend to `nvl_open`.
  size_t memory;
} nvl_info;

// Two luma rows, or parts of them, and the chroma that belongs to them. The samples are there only during the call.
typedef struct {
  // Number of the picture in its segment.
  uint32_t frame;
  // The luma row of the first samples, even.
  uint16_t y;
  // The luma column of the first samples, even.
  uint16_t x;
  // Luma samples in each row.
  uint16_t width;
  // Luma rows: 2, or 1 at the end of a picture of odd height.
  uint16_t height;
  // Samples of each row of `u` and `v`.
  uint16_t chroma_width;
  // The luma rows; the second is null if `height` is 1.
  const uint8_t *luma[2];
  // The first chroma row (Cb).
  const uint8_t *u;
  // The second chroma row (Cr).
  const uint8_t *v;
} nvl_rows;

// Takes rows. Anything but 0 stops the decoder, which then returns `NVL_STOPPED`.
typedef int (*nvl_rows_callback)(void *user, const nvl_rows *rows);

// Two rows of pixels, or parts of them, one after the other. They are there only during the call.
typedef struct {
  // Number of the picture in its segment.
  uint32_t frame;
  // The row of the first pixel.
  uint16_t y;
  // The column of the first pixel.
  uint16_t x;
  // Pixels in each row.
  uint16_t width;
  // Rows: 2, or 1 at the end of a picture of odd height.
  uint16_t height;
  // `width * height` pixels, 5 bits red, 6 green, 5 blue, in the machine's byte order.
  const uint16_t *pixels;
} nvl_strip;

// Takes strips. Anything but 0 stops the decoder, which then returns `NVL_STOPPED`.
typedef int (*nvl_strip_callback)(void *user, const nvl_strip *strip);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Reads what a clip is from its first bytes: a few hundred are enough.
nvl_status nvl_probe(const uint8_t *data, size_t len, nvl_info *info);

// Opens the clip of `len` bytes at `data` in `memory_len` bytes of lent memory with any alignment. Both stay as they are until
// `nvl_close`. `decoder` becomes null if it fails.
nvl_status nvl_open(const uint8_t *data,
                    size_t len,
                    void *memory,
                    size_t memory_len,
                    nvl_decoder **decoder);

// Decodes the next picture and gives its rows to `callback`, top to bottom, planar YUV 4:2:0. `frame`, if it is not null, gets the
// picture's number in the clip. `NVL_END` says that there is none. After an error of the clip, the next call goes on with
// the next segment. `flags` is `NVL_WHOLE_ROWS` or `NVL_CHANGES`.
nvl_status nvl_next_frame(nvl_decoder *decoder,
                          nvl_rows_callback callback,
                          void *user,
                          uint32_t flags,
                          uint32_t *frame);

// The same in RGB565: `callback` gets two rows of pixels at a time, made in `strip`, which has room for `strip_len` pixels, at least
// two rows.
nvl_status nvl_next_frame_rgb565(nvl_decoder *decoder,
                                 uint16_t *strip,
                                 size_t strip_len,
                                 nvl_strip_callback callback,
                                 void *user,
                                 uint32_t flags,
                                 uint32_t *frame);

// Goes to a segment, counted from 0: the next picture is its first.
nvl_status nvl_seek_segment(nvl_decoder *decoder, uint32_t segment);

// The number in the clip of a segment's first picture.
nvl_status nvl_segment_start(nvl_decoder *decoder, uint32_t segment, uint32_t *frame);

// Closes a decoder: its memory is the caller's again.
nvl_status nvl_close(nvl_decoder *decoder);

// The name of a code, as this header has it, for ever; `NVL_UNKNOWN` for a number that is no code.
const char *nvl_error_name(int32_t code);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* NVL_H */
