//! Files that settings name: read where they are regular files of a sane size, and nothing else.
//!
//! A pipe that nobody writes to would hang the process, a device that never ends would fill its memory, and so
//! would a file that is something else than it should be.

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

/// Reads a file of at most so many bytes; a link to one is one.
///
/// # Errors
/// It cannot be read, is no regular file, or is larger.
pub fn read(path: impl AsRef<Path>, most: u64) -> io::Result<Vec<u8>> {
    let path = path.as_ref();
    // To open a pipe is to wait for its writer: it is looked at before.
    check(&fs::metadata(path)?, most)?;
    let file = File::open(path)?;
    check(&file.metadata()?, most)?;
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    // Some file systems tell no size.
    if bytes.len() as u64 > most { Err(too_large(most)) } else { Ok(bytes) }
}

/// Reads a text in UTF-8, as [`read`] does bytes.
///
/// # Errors
/// Those of [`read`], or it is no text.
pub fn read_text(path: impl AsRef<Path>, most: u64) -> io::Result<String> {
    let text = String::from_utf8(read(path, most)?);
    text.map_err(|_| io::Error::new(ErrorKind::InvalidData, "it is not text in UTF-8"))
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
    fn only_regular_files_of_a_sane_size_are_read() {
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
