//! Compression as PDF has it (`FlateDecode`).

use std::cell::RefCell;

use flate2::{Compress, Compression, FlushCompress, Status};

/// The bytes in zlib's format (`FlateDecode`). The state is made once a thread: making it costs as much as using it.
/// Level 3 takes three quarters of the time of zlib's default, for one byte in a hundred.
pub(crate) fn deflate(bytes: &[u8]) -> Vec<u8> {
    thread_local! {
        static STATE: RefCell<Compress> = RefCell::new(Compress::new(Compression::new(3), true));
    }
    STATE.with_borrow_mut(|state| deflate_by(state, bytes))
}

/// The same in a fraction of the time, for what says nearly the same over and over.
pub(crate) fn deflate_fast(bytes: &[u8]) -> Vec<u8> {
    thread_local! {
        static STATE: RefCell<Compress> = RefCell::new(Compress::new(Compression::fast(), true));
    }
    STATE.with_borrow_mut(|state| deflate_by(state, bytes))
}

fn deflate_by(state: &mut Compress, bytes: &[u8]) -> Vec<u8> {
    state.reset();
    let mut deflated = Vec::with_capacity(bytes.len() / 2 + 64);
    loop {
        let read = state.total_in() as usize;
        let done = state.compress_vec(&bytes[read..], &mut deflated, FlushCompress::Finish);
        if !matches!(done, Ok(Status::Ok | Status::BufError)) {
            return deflated;
        }
        deflated.reserve(deflated.capacity().max(64));
    }
}
