//! Files that settings name: regular files of a sane size, and files that are parsed again when they change.
//!
//! Opening a pipe that nobody writes to would hang the process, and reading a device that never ends would fill
//! its memory.

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

/// Reads a regular file, or a link to one, of at most `most` bytes.
///
/// # Errors
/// It cannot be read, is no regular file, or is larger.
pub fn read(path: impl AsRef<Path>, most: u64) -> io::Result<Vec<u8>> {
    let path = path.as_ref();
    // Before it is opened: opening a pipe waits for its writer.
    check(&fs::metadata(path)?, most)?;
    let file = File::open(path)?;
    check(&file.metadata()?, most)?;
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    // Some file systems report no size.
    if bytes.len() as u64 > most { Err(too_large(most)) } else { Ok(bytes) }
}

/// [`read`] for UTF-8 text.
///
/// # Errors
/// Those of [`read`], or it is not UTF-8.
pub fn read_text(path: impl AsRef<Path>, most: u64) -> io::Result<String> {
    let text = String::from_utf8(read(path, most)?);
    text.map_err(|_| io::Error::new(ErrorKind::InvalidData, "it is not text in UTF-8"))
}

/// A file that is parsed again when it changes, as Kubernetes mounts them: a link that is swapped, so that the
/// file is never half written.
pub struct ReloadedFile<T, E> {
    path: PathBuf,
    parse: Parse<T, E>,
    last: Mutex<Option<(FileVersion, T)>>,
}

type Parse<T, E> = fn(&Path, io::Result<Metadata>) -> Result<T, E>;

/// Tells one content of a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileVersion {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl<T: Clone, E> ReloadedFile<T, E> {
    /// Parses the file. `parse` is given the metadata that the path had just before, or why it has none.
    ///
    /// # Errors
    /// Those of `parse`.
    pub fn open(path: impl Into<PathBuf>, parse: Parse<T, E>) -> Result<Self, E> {
        let file = Self { path: path.into(), parse, last: Mutex::default() };
        file.current().map(|_| file)
    }

    /// What the file holds now. A file that cannot be parsed is tried again the next time.
    ///
    /// # Errors
    /// Those of `parse`.
    pub fn current(&self) -> Result<T, E> {
        // Before the content: a change in between is read once more.
        let meta = fs::metadata(&self.path);
        let version = meta.as_ref().ok().map(FileVersion::of_metadata);
        let mut last = self.last.lock();
        if let Some((known, value)) = &*last
            && Some(*known) == version
        {
            return Ok(value.clone());
        }
        *last = None;
        let value = (self.parse)(&self.path, meta)?;
        *last = version.map(|version| (version, value.clone()));
        Ok(value)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl FileVersion {
    /// Of the file that is there now; `None` where there is none.
    pub fn of(path: impl AsRef<Path>) -> Option<Self> {
        fs::metadata(path).ok().as_ref().map(Self::of_metadata)
    }

    fn of_metadata(meta: &Metadata) -> Self {
        let modified = (meta.mtime(), meta.mtime_nsec());
        Self { device: meta.dev(), inode: meta.ino(), size: meta.len(), modified }
    }
}

fn check(meta: &Metadata, most: u64) -> io::Result<()> {
    if meta.is_dir() {
        return Err(io::Error::new(ErrorKind::IsADirectory, "it is a directory, not a file"));
    }
    if !meta.is_file() {
        return Err(io::Error::new(
            ErrorKind::InvalidInput,
            "it is a pipe, a socket or a device, not a file",
        ));
    }
    if meta.len() > most { Err(too_large(most)) } else { Ok(()) }
}

fn too_large(most: u64) -> io::Error {
    let most =
        if most < 1024 * 1024 { format!("{} KiB", most / 1024) } else { format!("{} MiB", most >> 20) };
    io::Error::new(ErrorKind::FileTooLarge, format!("it is larger than {most}"))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    const MOST: u64 = 64 * 1024;

    #[test]
    fn reads_only_regular_files_within_the_limit() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        let read = |path: &Path| read(path, MOST).map_err(|error| (error.kind(), error.to_string()));
        fs::write(at("file"), "a text").expect("written");
        std::os::unix::fs::symlink("file", at("link")).expect("linked");
        fs::write(at("just"), vec![b'x'; 64 * 1024]).expect("written");
        fs::write(at("large"), vec![b'x'; 64 * 1024 + 1]).expect("written");
        // Two gigabytes that take no room.
        File::create(at("huge")).and_then(|file| file.set_len(2 << 30)).expect("made");
        assert!(Command::new("mkfifo").arg(at("pipe")).status().expect("mkfifo").success());

        assert_eq!(read(&at("file")), Ok(b"a text".to_vec()));
        assert_eq!(read(&at("link")), Ok(b"a text".to_vec()));
        assert_eq!(read(&at("just")).map(|bytes| bytes.len()), Ok(64 * 1024));
        let refused = |kind, text: &str| Err((kind, text.to_owned()));
        assert_eq!(read(&at("large")), refused(ErrorKind::FileTooLarge, "it is larger than 64 KiB"));
        assert_eq!(read(&at("huge")), refused(ErrorKind::FileTooLarge, "it is larger than 64 KiB"));
        let no_file = "it is a pipe, a socket or a device, not a file";
        assert_eq!(read(&at("pipe")), refused(ErrorKind::InvalidInput, no_file));
        assert_eq!(read(Path::new("/dev/zero")), refused(ErrorKind::InvalidInput, no_file));
        assert_eq!(read(folder.path()), refused(ErrorKind::IsADirectory, "it is a directory, not a file"));
        assert_eq!(read(&at("nowhere")).map_err(|(kind, _)| kind), Err(ErrorKind::NotFound));
        assert_eq!(read_text(at("file"), MOST).expect("a text"), "a text");
        fs::write(at("bytes"), b"\xff").expect("written");
        assert_eq!(read_text(at("bytes"), MOST).map_err(|error| error.kind()), Err(ErrorKind::InvalidData));
    }
}
