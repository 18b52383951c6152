//! Places and lines of files for whatever is printed about them.

use std::cell::{Cell, RefCell};

use crate::diagnostic::{FileId, Position, Span, ends_in_a_private_key, names_a_secret};
use crate::plan::Places;
use crate::report::{Excerpt, Snippets};
use crate::source::Sources;

/// Places and snippets of the files of a run. The texts of the last two files are kept: diagnostics come file by file,
/// and name places in another one beside.
pub(super) struct Lines<'a> {
    sources: &'a Sources,
    /// The last one first.
    last: RefCell<Vec<Text>>,
    /// How many bytes may still be read for snippets.
    left: Cell<u64>,
}

/// A file that was read again for snippets.
struct Text {
    file: FileId,
    /// `None` if it is not any more what was read, or if too much would be read.
    content: Option<String>,
    /// The line that was looked at last, by its beginning, and whether it seems to hold a secret.
    line: Option<(usize, bool)>,
}

/// How many bytes are read for the snippets of a run.
const MOST_FOR_SNIPPETS: u64 = 2 << 30;

/// Of a long line, so many bytes before and after the beginning of a place are looked at: more than is shown.
const AROUND: usize = 2_000;

/// No private key has more bytes than this.
const LARGEST_KEY: usize = 16 << 10;

impl<'a> Lines<'a> {
    pub(super) fn new(sources: &'a Sources) -> Self {
        Self { sources, last: RefCell::default(), left: Cell::new(MOST_FOR_SNIPPETS) }
    }

    /// The text of a file, with room to note what is found in it.
    fn text<'t>(&self, texts: &'t mut Vec<Text>, file: FileId) -> &'t mut Text {
        let known = texts.iter().position(|kept| kept.file == file);
        let text = if let Some(at) = known {
            texts.remove(at)
        } else {
            let left = self.left.get().checked_sub(self.sources.size(file));
            self.left.set(left.unwrap_or(0));
            texts.truncate(1);
            Text { file, content: left.and_then(|_| self.sources.text(file)), line: None }
        };
        texts.insert(0, text);
        &mut texts[0]
    }
}

impl Places for Lines<'_> {
    fn place(&self, position: Position) -> (String, u32, u32) {
        self.sources.place(position)
    }
}

impl Snippets for Lines<'_> {
    fn excerpt(&self, span: Span) -> Option<Excerpt<'_>> {
        if self.sources.is_withheld(span.start) {
            return None;
        }
        let mut texts = self.last.borrow_mut();
        let Text { content, line, .. } = self.text(&mut texts, span.start.file);
        let text = content.as_ref()?;
        let whole = self.sources.line(span.start, text)?;
        let is_secret = match *line {
            Some((start, is_secret)) if start == whole.start => is_secret,
            Some(_) | None => names_a_secret(&text[whole.clone()]) || is_in_a_key(text, whole.start),
        };
        *line = Some((whole.start, is_secret));
        if is_secret {
            return None;
        }
        let excerpt = Excerpt::of(text, whole, span, AROUND)?;
        Some(Excerpt { line: excerpt.line.into_owned().into(), ..excerpt })
    }
}

/// Whether a line begins within a private key that began some lines above.
fn is_in_a_key(text: &str, start: usize) -> bool {
    let mut from = start.saturating_sub(LARGEST_KEY);
    while !text.is_char_boundary(from) {
        from -= 1;
    }
    ends_in_a_private_key(&text[from..start])
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Lines;
    use crate::diagnostic::{Position, Span};
    use crate::report::Snippets as _;
    use crate::source::Sources;

    /// Thousands of diagnostics of one file are one reading of it.
    #[test]
    fn a_file_is_read_once_for_its_snippets() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str| fs::write(folder.path().join(name), "one\ntwo\n").expect("written");
        write("a.yaml");
        write("b.yaml");
        write("c.yaml");
        let mut sources = Sources::folder(folder.path());
        let (a, _) = sources.open("a.yaml").expect("readable");
        let (b, _) = sources.open("b.yaml").expect("readable");
        let (c, _) = sources.open("c.yaml").expect("readable");
        let lines = Lines::new(&sources);
        let line = |file, offset| {
            let span = Span::from(Position::new(file, offset));
            lines.excerpt(span).map(|excerpt| excerpt.line.into_owned())
        };
        assert_eq!(line(a, 0).as_deref(), Some("one"));
        fs::remove_file(folder.path().join("a.yaml")).expect("removed");
        assert_eq!(line(a, 4).as_deref(), Some("two"));
        assert_eq!(line(b, 4).as_deref(), Some("two"));
        assert_eq!(line(a, 4).as_deref(), Some("two"), "the other one is kept beside");
        assert_eq!(line(b, 4).as_deref(), Some("two"));
        assert_eq!(line(c, 4).as_deref(), Some("two"));
        assert_eq!(line(a, 4), None, "a file that is gone has no lines");
    }
}
