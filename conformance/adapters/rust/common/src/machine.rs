//! The machine that a library sees: its clock is the runner's, and its dice fall the same way every time.
//!
//! An executable that defines a C library's function itself is linked to its own: `Instant`, `SystemTime` and every
//! random number of the library come from here, and its code is as it was published.

use std::cell::Cell;
use std::ffi::{c_int, c_long, c_uint, c_void};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::OnceLock;

static NOW_US: AtomicU64 = AtomicU64::new(0);
static SEED: AtomicU64 = AtomicU64::new(0);
/// Far enough from zero for a library to look back.
const START_S: i64 = 1_000_000;

thread_local! {
    static DICE: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Let the time be so many microseconds after the reset.
pub fn set_now(us: u64) {
    NOW_US.store(us, Ordering::Relaxed);
}

/// Let the dice of every thread that is started from now on fall as this seed says.
pub fn set_seed(seed: u64) {
    SEED.store(seed, Ordering::Relaxed);
}

/// Stand in for the C library's clock.
///
/// # Safety
/// `time` points to a `timespec`, as the C library demands.
#[no_mangle]
pub unsafe extern "C" fn clock_gettime(_clock: libc::clockid_t, time: *mut libc::timespec) -> c_int {
    let us = NOW_US.load(Ordering::Relaxed) as i64;
    (*time).tv_sec = START_S + us / 1_000_000;
    (*time).tv_nsec = us % 1_000_000 * 1_000;
    0
}

/// Stand in for the C library's source of random numbers.
///
/// # Safety
/// `buffer` has room for `length` bytes.
#[no_mangle]
pub unsafe extern "C" fn getrandom(buffer: *mut c_void, length: usize, _flags: c_uint) -> isize {
    for at in 0..length {
        *buffer.cast::<u8>().add(at) = roll();
    }
    length as isize
}

/// Stand in for the C library's way to any system call, of which one is asked for random numbers.
///
/// # Safety
/// The arguments are those of the system call.
#[no_mangle]
pub unsafe extern "C" fn syscall(
    number: c_long,
    a: c_long,
    b: c_long,
    c: c_long,
    d: c_long,
    e: c_long,
    f: c_long,
) -> c_long {
    type Syscall = unsafe extern "C" fn(c_long, ...) -> c_long;
    static REAL: OnceLock<usize> = OnceLock::new();
    if number == libc::SYS_getrandom {
        return getrandom(a as *mut c_void, b as usize, c as c_uint) as c_long;
    }
    let real = *REAL.get_or_init(|| unsafe { libc::dlsym(libc::RTLD_NEXT, c"syscall".as_ptr()) } as usize);
    std::mem::transmute::<usize, Syscall>(real)(number, a, b, c, d, e, f)
}

/// Return the next byte of SplitMix64.
fn roll() -> u8 {
    let state = DICE.get().unwrap_or_else(|| SEED.load(Ordering::Relaxed)).wrapping_add(0x9E37_79B9_7F4A_7C15);
    DICE.set(Some(state));
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (mixed ^ (mixed >> 31)) as u8
}
