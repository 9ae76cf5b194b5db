//! Which file a path leads to.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::SystemTime;

/// Tells one file from another that stands in its place later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
    /// An inode is given to another file once the first one is deleted; not every file system knows when
    /// a file was made.
    created: Option<SystemTime>,
}

impl Identity {
    /// The file that the path leads to now.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let metadata = path.metadata()?;
        Ok(Self { device: metadata.dev(), inode: metadata.ino(), created: metadata.created().ok() })
    }
}
