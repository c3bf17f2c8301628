// The start of a program on the Cortex-M4F machine mps2-an386 of QEMU, whose files and output are the host's (semihosting).

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

extern uint8_t data_start[], data_end[], data_load[], bss_start[], bss_end[], stack_top[];

void initialise_monitor_handles(void);
int main(int argc, char **argv);

static void reset(void) {
    // Access to the floating-point unit, which newlib is built for.
    *(volatile uint32_t *)0xe000ed88 |= 0xfu << 20;
    memcpy(data_start, data_load, (size_t)(data_end - data_start));
    memset(bss_start, 0, (size_t)(bss_end - bss_start));
    initialise_monitor_handles();
    exit(main(0, NULL));
}

static void fault(void) {
    _Exit(102);
}

void _init(void) {}
void _fini(void) {}

__attribute__((section(".vectors"), used)) static const uintptr_t vectors[16] = {
    (uintptr_t)stack_top, (uintptr_t)reset, (uintptr_t)fault, (uintptr_t)fault,
    (uintptr_t)fault,     (uintptr_t)fault, (uintptr_t)fault,
};
