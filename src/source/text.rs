//! Which bytes are text.

/// Why bytes are no text that can be read, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoText {
    /// The first byte that is wrong.
    pub offset: usize,
    /// A clause that follows the name of the file.
    pub why: &'static str,
    /// The way out.
    pub help: &'static str,
}

/// The bytes as text: UTF-8 without NUL.
///
/// # Errors
/// The bytes again, with what is wrong about them first.
pub fn text_of(bytes: Vec<u8>) -> Result<String, (Vec<u8>, NoText)> {
    const UTF_8: &str = "save it as UTF-8 text";
    let nul = bytes.iter().position(|&byte| byte == 0);
    // Text in UTF-16 or UTF-32 begins with a mark of its order, or has a NUL beside its first letter.
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) || nul.is_some_and(|at| at < 2) {
        let why = if nul.is_some() { "is not UTF-8 text, but UTF-16 or the like" } else { "is not UTF-8 text" };
        return Err((bytes, NoText { offset: 0, why, help: UTF_8 }));
    }
    match String::from_utf8(bytes) {
        Ok(text) => match nul {
            None => Ok(text),
            Some(offset) => {
                let help = "remove it; a file that has one is most often broken, or no text";
                Err((text.into_bytes(), NoText { offset, why: "has a NUL character", help }))
            }
        },
        Err(error) => {
            let offset = error.utf8_error().valid_up_to();
            Err((error.into_bytes(), NoText { offset, why: "is not UTF-8 text", help: UTF_8 }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{NoText, text_of};

    #[test]
    fn what_is_no_text_is_found_at_its_place() {
        let offset = |bytes: &[u8]| text_of(bytes.to_vec()).map_err(|(_, NoText { offset, .. })| offset);
        assert_eq!(offset("é\n".as_bytes()), Ok("é\n".to_owned()));
        assert_eq!(offset(b"ab\0c"), Err(2));
        assert_eq!(offset(b"ab\xe9c"), Err(2));
        assert_eq!(offset(b"\xff\xfea\0"), Err(0));
        assert_eq!(offset(b"a\0b\0"), Err(0));
    }
}
