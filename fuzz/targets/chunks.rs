#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| nvl_tests::properties::check("chunks", data));
