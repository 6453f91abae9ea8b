//! Base64 as Python's `binascii.a2b_base64` reads it: what is not of the alphabet is passed over, and nothing behind the padding counts.

/// The bytes that `text` stands for; `None` where Python would refuse it.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut buffer, mut digits, mut pads) = (0_u32, 0_u8, 0_u8);
    for byte in text.bytes() {
        if byte == b'=' {
            pads += 1;
            if digits >= 2 && digits + pads >= 4 {
                return Some(bytes);
            }
            continue;
        }
        let Some(digit) = digit(byte) else { continue };
        pads = 0;
        buffer = buffer << 6 | u32::from(digit);
        digits = (digits + 1) % 4;
        match digits {
            2 => bytes.push((buffer >> 4) as u8),
            3 => bytes.push((buffer >> 2) as u8),
            0 => bytes.push(buffer as u8),
            _ => {}
        }
    }
    (digits == 0).then_some(bytes)
}

/// The value of one letter of the alphabet.
fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn base64_is_read_as_python_reads_it() {
        assert_eq!(decode("aGVsbG8=").as_deref(), Some(&b"hello"[..]));
        assert_eq!(decode("aGV\nsb!G8=").as_deref(), Some(&b"hello"[..]), "other letters are passed over");
        assert_eq!(decode("aGVsbG8=rubbish").as_deref(), Some(&b"hello"[..]));
        assert_eq!(decode("aGVsbG8"), None, "padding is missing");
        assert_eq!(decode("").as_deref(), Some(&b""[..]));
    }
}
