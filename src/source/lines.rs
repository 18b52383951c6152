//! From a byte offset to line and column, without the text.

/// Where the lines of a text begin, and which of its bytes begin no character.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lines {
    /// Offsets of the first byte of each line; the first is 0.
    starts: Vec<u32>,
    /// Offsets of bytes that count in no column, sorted: UTF-8 continuation bytes, and a byte order mark at the
    /// beginning, which no editor shows.
    continuations: Vec<u32>,
}

impl Lines {
    /// The line table of a text. A line ends with `\n`, `\r\n` or `\r`, as in YAML.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self::of_bytes(text.as_bytes())
    }

    /// The line table of a file that may be no text: places up to what is wrong about it are right.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let mut starts = vec![0];
        let mut continuations = Vec::new();
        if bytes.starts_with("\u{FEFF}".as_bytes()) {
            continuations.push(0);
        }
        for (offset, &byte) in (0_u32..).zip(bytes) {
            // One comparison settles nearly every byte.
            if byte > b'\r' && byte < 0x80 {
                continue;
            }
            let ends = byte == b'\n' || (byte == b'\r' && bytes.get(offset as usize + 1) != Some(&b'\n'));
            if ends {
                starts.push(offset + 1);
            } else if byte & 0xC0 == 0x80 {
                continuations.push(offset);
            }
        }
        starts.shrink_to_fit();
        Self { starts, continuations }
    }

    /// How many lines there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.starts.len()
    }

    /// Where the line of a byte begins, and where the next one does, if there is one.
    #[must_use]
    pub fn line(&self, offset: u32) -> (u32, Option<u32>) {
        let next = self.starts.partition_point(|&start| start <= offset);
        let start = self.starts.get(next.wrapping_sub(1)).copied().unwrap_or(0);
        (start, self.starts.get(next).copied())
    }

    /// Line and column of a byte, both from 1, the column in characters.
    #[must_use]
    pub fn place(&self, offset: u32) -> (u32, u32) {
        let line = self.starts.partition_point(|&start| start <= offset);
        let start = self.starts.get(line.wrapping_sub(1)).copied().unwrap_or(0);
        let before = |offset| self.continuations.partition_point(|&continuation| continuation < offset);
        let not_counted = before(offset) - before(start);
        let column = offset - start - u32::try_from(not_counted).unwrap_or(0) + 1;
        (u32::try_from(line.max(1)).unwrap_or(u32::MAX), column)
    }
}
