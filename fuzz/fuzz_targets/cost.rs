#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| netsvc_testkit::fuzz::cost(data));
