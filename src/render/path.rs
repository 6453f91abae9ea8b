//! Names of files as they are printed: escaped for a terminal, exact for a program, quoted for a shell.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::report::printable;

/// The longest printed path, in bytes; the kernel's own limit on one is 4096 before escaping.
const MAX_PATH_TEXT_BYTES: usize = 16 * 1024;

/// A path for people: bytes that are not UTF-8, control and invisible characters escaped or replaced.
pub fn text_of(path: &Path) -> String {
    printable(&path.to_string_lossy(), MAX_PATH_TEXT_BYTES)
}

/// The bytes of a path in hex, where [`text_of`] cannot stand for them: what a program reads instead.
pub fn hex_of(path: &Path) -> Option<String> {
    let bytes = path.as_os_str().as_bytes();
    (text_of(path).as_bytes() != bytes).then(|| bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A path as a word that a POSIX shell (with `$'…'`, POSIX.1-2024) reads back exactly, for commands that people paste.
pub fn shell_word(path: &Path) -> String {
    let bytes = path.as_os_str().as_bytes();
    let is_bare = |b: &u8| b.is_ascii_alphanumeric() || b"/._-+:@,%".contains(b);
    if !bytes.is_empty() && bytes.iter().all(is_bare) && bytes[0] != b'-' {
        text_of(path)
    } else if hex_of(path).is_none() {
        format!("'{}'", text_of(path).replace('\'', r"'\''"))
    } else {
        let escaped: String = bytes.iter().map(|b| shell_escaped(*b)).collect();
        format!("$'{escaped}'")
    }
}

fn shell_escaped(byte: u8) -> String {
    match byte {
        b'\'' | b'\\' => format!("\\{}", char::from(byte)),
        b' '..=b'~' => char::from(byte).to_string(),
        _ => format!("\\{byte:03o}"),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn a_hostile_name_is_printed_escaped_and_kept_in_hex() {
        let path = Path::new(OsStr::from_bytes(b"/m/\x1b[2J\xff.bin"));
        assert_eq!(text_of(path), "/m/\\u{1b}[2J\u{fffd}.bin");
        assert_eq!(hex_of(path).as_deref(), Some("2f6d2f1b5b324aff2e62696e"));
        assert_eq!(hex_of(Path::new("/m/é.bin")), None);
    }

    #[test]
    fn a_shell_reads_the_same_name_back() {
        for name in [&b"plain.bin"[..], b"with space", b"it's", b"a\nb\x1b\xff'\\$(true)", b"-rf", b"", b"e\xcc\x81"] {
            let path = Path::new(OsStr::from_bytes(name));
            let script = format!("printf %s {}", shell_word(path));
            let read = std::process::Command::new("bash").args(["-c", &script]).output().unwrap();
            assert_eq!(read.stdout, name, "{script}");
        }
    }
}
