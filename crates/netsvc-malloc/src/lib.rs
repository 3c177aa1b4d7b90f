//! Has the C library's allocator return free memory to the operating system.
//!
//! glibc returns what is free at the end of its heap only: one small allocation that outlives a
//! burst keeps everything below it. Its thresholds do not help, since they concern that end and
//! large allocations. Others return whole groups of pages by themselves, or offer no such call.
//!
//! Other allocators were tried in netsvcd (resident MiB at rest, and ten seconds after 60 clients
//! with 4,096 interests each had been cut off): glibc 3.6 and 61; glibc with this 3.6 and 4.6;
//! mimalloc 3 13.6 and 237, without huge pages 4.2 and 223; mimalloc 2 4.1 and 115. It returns all
//! of it only if told so by the environment: 4.1 and 4.8 then. jemalloc is half a megabyte of
//! program more, built by a shell script that does not know the linkers for other platforms.

/// Returns every whole page that is free.
///
/// It goes through all free memory, some 0.1 ms for each MiB of it, while whoever allocates waits:
/// for the end of a burst.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[allow(unsafe_code, reason = "no other way leads to the allocator")]
    {
        use std::ffi::c_int;

        // SAFETY: that is its signature in glibc, which may be called by any thread at any time.
        unsafe extern "C" {
            safe fn malloc_trim(pad: usize) -> c_int;
        }
        // What it says, whether there was anything, is of no use.
        malloc_trim(0);
    }
}
