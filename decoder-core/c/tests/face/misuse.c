// Everything that a caller can do wrong and the decoder can see, and every damage of a clip, with exactly as much memory as
// is needed: run under valgrind and under sanitizers, it finds what the decoder must not do.

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nvl.h"

#define CHECK(condition)                                                   \
    do {                                                                   \
        if (!(condition)) {                                                \
            printf("line %d: not true: %s\n", __LINE__, #condition);       \
            exit(1);                                                       \
        }                                                                  \
    } while (0)

static uint8_t *clip;
static size_t clip_len;
static nvl_info info;

// A copy with nothing around it.
static uint8_t *exactly(const uint8_t *bytes, size_t len) {
    uint8_t *copy = malloc(len ? len : 1);
    memcpy(copy, bytes, len);
    return copy;
}

// A picture that is put together from its rows.
typedef struct picture {
    uint8_t *luma;
    size_t samples;
} picture;

static int keep(void *user, const nvl_rows *rows) {
    picture *into = user;
    CHECK(rows->width <= info.width && rows->x + rows->width <= info.width && rows->y + rows->height <= info.height);
    CHECK(rows->chroma_width == (rows->width + 1) / 2 && (rows->luma[1] == NULL) == (rows->height == 1));
    for (int line = 0; line < rows->height; line++) {
        memcpy(into->luma + (size_t)(rows->y + line) * info.width + rows->x, rows->luma[line], rows->width);
    }
    into->samples += (size_t)rows->width * rows->height;
    return rows->u == NULL || rows->v == NULL;
}

static int ignore_rows(void *user, const nvl_rows *rows) {
    (void)user, (void)rows;
    return 0;
}

static int ignore_strip(void *user, const nvl_strip *strip) {
    (void)user, (void)strip;
    return 0;
}

static int stop(void *user, const nvl_rows *rows) {
    (void)user, (void)rows;
    return -7;
}

static int call_again(void *user, const nvl_rows *rows) {
    nvl_decoder *decoder = user;
    uint32_t frame;
    (void)rows;
    CHECK(nvl_next_frame(decoder, ignore_rows, NULL, 0, &frame) == NVL_BUSY);
    CHECK(nvl_seek_segment(decoder, 0) == NVL_BUSY);
    CHECK(nvl_segment_start(decoder, 0, &frame) == NVL_BUSY);
    CHECK(nvl_close(decoder) == NVL_BUSY);
    return 0;
}

static nvl_decoder *open_in(uint8_t *memory, size_t len) {
    nvl_decoder *decoder;
    CHECK(nvl_open(clip, clip_len, memory, len, &decoder) == NVL_OK);
    return decoder;
}

static void check_arguments(void) {
    nvl_info other;
    nvl_decoder *decoder = (nvl_decoder *)&other;
    uint8_t *memory = malloc(info.memory + 8);
    CHECK(nvl_probe(NULL, clip_len, &other) == NVL_NULL_POINTER);
    CHECK(nvl_probe(clip, clip_len, NULL) == NVL_NULL_POINTER);
    CHECK(nvl_probe(clip, SIZE_MAX, &other) == NVL_BAD_ARGUMENT);
    CHECK(nvl_probe(clip, clip_len, (nvl_info *)(memory + 1)) == NVL_BAD_ARGUMENT);
    CHECK(nvl_probe(clip, 0, &other) == NVL_NEED_MORE_DATA);
    CHECK(nvl_probe((const uint8_t *)"no video", 8, &other) == NVL_CORRUPT_MAGIC);

    CHECK(nvl_open(NULL, clip_len, memory, info.memory, &decoder) == NVL_NULL_POINTER && decoder == NULL);
    CHECK(nvl_open(clip, clip_len, NULL, info.memory, &decoder) == NVL_NULL_POINTER);
    CHECK(nvl_open(clip, clip_len, memory, info.memory, NULL) == NVL_NULL_POINTER);
    CHECK(nvl_open(clip, clip_len, memory, SIZE_MAX, &decoder) == NVL_BAD_ARGUMENT);
    CHECK(nvl_open(clip, clip_len, clip + 1, clip_len - 1, &decoder) == NVL_BAD_ARGUMENT);
    CHECK(nvl_open(clip, clip_len, memory, 0, &decoder) == NVL_MEMORY_TOO_SMALL);
    CHECK(nvl_open(clip, clip_len, memory, info.memory - 16, &decoder) == NVL_MEMORY_TOO_SMALL && decoder == NULL);
    for (size_t skipped = 0; skipped < 8; skipped++) {
        uint8_t *unaligned = exactly(memory, info.memory + skipped);
        decoder = open_in(unaligned + skipped, info.memory);
        CHECK(nvl_next_frame(decoder, ignore_rows, NULL, 0, NULL) == NVL_OK);
        CHECK(nvl_close(decoder) == NVL_OK);
        free(unaligned);
    }

    decoder = open_in(memory, info.memory);
    uint16_t *strip = malloc(4u * info.width);
    uint32_t frame = 99;
    CHECK(nvl_next_frame(decoder, NULL, NULL, 0, &frame) == NVL_NULL_POINTER);
    CHECK(nvl_next_frame(NULL, ignore_rows, NULL, 0, &frame) == NVL_NULL_POINTER);
    CHECK(nvl_next_frame(decoder, ignore_rows, NULL, 2, &frame) == NVL_BAD_ARGUMENT);
    CHECK(nvl_next_frame((nvl_decoder *)((uint8_t *)decoder + 1), ignore_rows, NULL, 0, &frame) == NVL_BAD_ARGUMENT);
    CHECK(nvl_next_frame_rgb565(decoder, NULL, 2u * info.width, ignore_strip, NULL, 0, &frame) == NVL_NULL_POINTER);
    CHECK(nvl_next_frame_rgb565(decoder, strip, 2u * info.width, NULL, NULL, 0, &frame) == NVL_NULL_POINTER);
    CHECK(nvl_next_frame_rgb565(decoder, strip, 2u * info.width - 1, ignore_strip, NULL, 0, &frame) ==
          NVL_STRIP_TOO_SMALL);
    CHECK(nvl_next_frame_rgb565(decoder, strip, SIZE_MAX, ignore_strip, NULL, 0, &frame) == NVL_BAD_ARGUMENT);
    CHECK(nvl_seek_segment(decoder, info.segments) == NVL_NO_SUCH_SEGMENT);
    CHECK(nvl_segment_start(decoder, info.segments, &frame) == NVL_NO_SUCH_SEGMENT);
    CHECK(nvl_segment_start(decoder, 0, NULL) == NVL_NULL_POINTER);
    CHECK(frame == 99);
    CHECK(nvl_next_frame_rgb565(decoder, strip, 2u * info.width, ignore_strip, NULL, 0, &frame) == NVL_OK && frame == 0);
    free(strip);
    free(memory);
}

static void check_order(void) {
    uint8_t *memory = calloc(1, info.memory);
    uint32_t frame;
    CHECK(nvl_close((nvl_decoder *)memory) == NVL_NOT_OPEN);
    CHECK(nvl_next_frame((nvl_decoder *)memory, ignore_rows, NULL, 0, &frame) == NVL_NOT_OPEN);
    nvl_decoder *decoder = open_in(memory, info.memory);
    CHECK(nvl_next_frame(decoder, call_again, decoder, 0, &frame) == NVL_OK && frame == 0);
    CHECK(nvl_next_frame(decoder, stop, NULL, 0, &frame) == (info.frames > 1 ? NVL_STOPPED : NVL_END));
    for (uint32_t segment = info.segments; segment-- > 0;) {
        uint32_t first;
        CHECK(nvl_segment_start(decoder, segment, &first) == NVL_OK && nvl_seek_segment(decoder, segment) == NVL_OK);
        for (uint32_t expected = first; expected < info.frames; expected++) {
            CHECK(nvl_next_frame(decoder, ignore_rows, NULL, 0, &frame) == NVL_OK && frame == expected);
        }
        CHECK(nvl_next_frame(decoder, ignore_rows, NULL, 0, &frame) == NVL_END);
        CHECK(nvl_next_frame(decoder, ignore_rows, NULL, 0, &frame) == NVL_END);
    }
    uint8_t *moved = exactly(memory, info.memory);
    CHECK(nvl_close((nvl_decoder *)moved) == NVL_NOT_OPEN);
    free(moved);
    CHECK(nvl_close(decoder) == NVL_OK);
    CHECK(nvl_close(decoder) == NVL_NOT_OPEN);
    CHECK(nvl_seek_segment(decoder, 0) == NVL_NOT_OPEN);
    free(memory);
}

// Parts of rows that changed, put over the picture before, give the same as whole rows.
static void check_changes(void) {
    size_t len = (size_t)info.width * info.height;
    uint8_t *memories[2] = {malloc(info.memory), malloc(info.memory)};
    nvl_decoder *decoders[2] = {open_in(memories[0], info.memory), open_in(memories[1], info.memory)};
    picture pictures[2] = {{calloc(1, len), 0}, {calloc(1, len), 0}};
    for (uint32_t expected = 0; expected < info.frames; expected++) {
        for (uint32_t flags = 0; flags < 2; flags++) {
            uint32_t frame;
            CHECK(nvl_next_frame(decoders[flags], keep, &pictures[flags], flags, &frame) == NVL_OK && frame == expected);
        }
        CHECK(memcmp(pictures[0].luma, pictures[1].luma, len) == 0);
    }
    CHECK(pictures[0].samples == len * info.frames && pictures[1].samples <= pictures[0].samples);
    for (int i = 0; i < 2; i++) {
        free(pictures[i].luma);
        free(memories[i]);
    }
}

// Decodes whatever it is; true if nothing was wrong.
static bool decode(const uint8_t *bytes, size_t len) {
    nvl_info what;
    nvl_status status = nvl_probe(bytes, len, &what);
    if (status != NVL_OK) {
        CHECK(status >= NVL_NEED_MORE_DATA);
        return false;
    }
    uint8_t *memory = malloc(what.memory);
    nvl_decoder *decoder;
    bool whole = nvl_open(bytes, len, memory, what.memory, &decoder) == NVL_OK;
    for (uint32_t lost = 0; decoder != NULL && status != NVL_END;) {
        status = nvl_next_frame(decoder, ignore_rows, NULL, NVL_CHANGES, NULL);
        if (status != NVL_OK && status != NVL_END) {
            CHECK(status >= NVL_NEED_MORE_DATA && strcmp(nvl_error_name(status), "NVL_UNKNOWN") != 0);
            CHECK(++lost <= what.segments);
            whole = false;
        }
    }
    free(memory);
    return whole;
}

static void check_damage(void) {
    for (size_t len = 0; len < clip_len; len += len < 300 ? 1 : 53) {
        uint8_t *cut = exactly(clip, len);
        CHECK(!decode(cut, len));
        free(cut);
    }
    for (size_t at = 0; at < clip_len; at += at < 300 ? 1 : 53) {
        uint8_t *damaged = exactly(clip, clip_len);
        damaged[at] ^= (uint8_t)(1u << at % 8);
        CHECK(!decode(damaged, clip_len));
        free(damaged);
    }
    CHECK(decode(clip, clip_len));
}

int main(int argc, char **argv) {
    FILE *file = argc > 1 ? fopen(argv[1], "rb") : NULL;
    CHECK(file != NULL);
    uint8_t *read = malloc(1 << 20);
    clip_len = fread(read, 1, 1 << 20, file);
    fclose(file);
    clip = exactly(read, clip_len);
    free(read);
    CHECK(nvl_probe(clip, clip_len, &info) == NVL_OK);
    CHECK(strcmp(nvl_error_name(NVL_OK), "NVL_OK") == 0 && strcmp(nvl_error_name(-5), "NVL_UNKNOWN") == 0);
    check_arguments();
    check_order();
    check_changes();
    check_damage();
    free(clip);
    puts("all checks passed");
    return 0;
}
