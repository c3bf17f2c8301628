// Decodes a clip into strips of RGB565, as a display takes them, and prints a checksum for each picture.
//
// The clip is the file that is named, or `clip.nvl`. Nothing is allocated. docs/c.md says how to build and run it.

#include <stdio.h>

#include "nvl.h"

#define CLIP_BYTES (512 * 1024)
#define MEMORY_BYTES (1024 * 1024)
#define WIDEST 1920

static uint8_t clip[CLIP_BYTES];
static uint8_t memory[MEMORY_BYTES];
static uint16_t strip_pixels[2 * WIDEST];

// CRC-32 of the pixels of a picture, low bytes first.
static uint32_t checksum;

static void add(uint8_t byte) {
    checksum ^= byte;
    for (int bit = 0; bit < 8; bit++) {
        checksum = (checksum >> 1) ^ (0xedb88320u & -(checksum & 1u));
    }
}

// A display would be sent its window and the pixels here; `user` is whatever the caller of the decoder wants.
static int show(void *user, const nvl_strip *strip) {
    size_t count = (size_t)strip->width * strip->height;
    (void)user;
    for (size_t i = 0; i < count; i++) {
        add((uint8_t)strip->pixels[i]);
        add((uint8_t)(strip->pixels[i] >> 8));
    }
    return 0;
}

static int failed(const char *what, nvl_status status) {
    printf("%s: %s\n", what, nvl_error_name(status));
    return 1;
}

int main(int argc, char **argv) {
    const char *name = argc > 1 ? argv[1] : "clip.nvl";
    FILE *file = fopen(name, "rb");
    if (file == NULL) {
        printf("cannot read %s\n", name);
        return 1;
    }
    size_t len = fread(clip, 1, sizeof clip, file);
    fclose(file);

    nvl_info info;
    nvl_status status = nvl_probe(clip, len, &info);
    if (status != NVL_OK) {
        return failed("probe", status);
    }
    printf("%ux%u, %lu pictures, %lu bytes of memory\n", (unsigned)info.width, (unsigned)info.height,
           (unsigned long)info.frames, (unsigned long)info.memory);

    nvl_decoder *decoder;
    status = nvl_open(clip, len, memory, sizeof memory, &decoder);
    if (status != NVL_OK) {
        return failed("open", status);
    }
    for (;;) {
        uint32_t frame;
        checksum = 0xffffffff;
        status = nvl_next_frame_rgb565(decoder, strip_pixels, sizeof strip_pixels / sizeof *strip_pixels, show, NULL,
                                       NVL_WHOLE_ROWS, &frame);
        if (status == NVL_END) {
            break;
        }
        if (status != NVL_OK) {
            // The segment is lost; the next call goes on with the one after it.
            failed("picture", status);
            continue;
        }
        printf("picture %lu crc %08lx\n", (unsigned long)frame, (unsigned long)(checksum ^ 0xffffffff));
    }
    return nvl_close(decoder) == NVL_OK ? 0 : 1;
}
