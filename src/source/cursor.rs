//! A walk over the YAML of one file that goes on after a mistake; what a syntax error means is told by `breaking`.
//!
//! The caller asks for nodes, keys and items and gets texts borrowed from the file wherever YAML allows it. What no
//! manifest may have (anchors, aliases, merge keys, tags, a second document, hidden characters, secrets, a key twice) is
//! recorded here, once, so no caller can forget it. After a syntax error every question answers "nothing more": the
//! callers' loops end by themselves.
//!
//! Deliberately absent: aliases are refused and never expanded, so no file can mean more than its length.

use std::borrow::Cow;

use granit_parser::{Event, Parser, ScalarStyle, Span, StrInput};

use super::hidden::{find_hidden, is_hidden, why_hidden};
use super::mistakes::Mistakes;
use crate::diagnostic::{Code, Diagnostic, FileId, Position, Severity, Span as Stretch, find_secret};

/// How many collections may stand in one another; the language needs seven.
pub(super) const DEEPEST: usize = 64;

/// Up to so many keys of a mapping are compared with one another; above, they are sorted.
const FEW_KEYS: usize = 8;

/// So many different hidden characters of one text are told of.
const MOST_IN_A_TEXT: usize = 20;

/// A stretch of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At {
    /// The first byte.
    pub offset: u32,
    /// How many bytes.
    pub length: u32,
}

impl At {
    /// The stretch in a file.
    #[must_use]
    pub const fn span(self, file: FileId) -> Stretch {
        Stretch::new(Position::new(file, self.offset), self.length)
    }
}

/// A text as YAML means it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scalar<'t> {
    /// The text; borrowed from the file unless YAML changes it (escapes, folding).
    pub text: Cow<'t, str>,
    /// Where it stands, with its quotes.
    pub at: At,
    /// Whether it stands there without quotes.
    pub plain: bool,
}

impl Scalar<'_> {
    /// Whether it is YAML's null: nothing, `~` or `null` without quotes.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.plain && matches!(self.text.as_ref(), "" | "~" | "null" | "Null" | "NULL")
    }
}

/// The beginning of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node<'t> {
    /// A text.
    Scalar(Scalar<'t>),
    /// A list: ask [`Cursor::next_item`] until there is none.
    Sequence(At),
    /// A mapping: ask [`Cursor::next_key`] until there is none, and read or skip the value of each.
    Mapping(At),
    /// Nothing that can be used; the mistake is recorded.
    Nothing,
}

/// What is left when a file has been walked over.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Everything that was wrong.
    pub mistakes: Mistakes,
    /// Whether the file was not read to its end: it is not well-formed, or has a second document.
    pub broken: bool,
    /// Offsets of keys that stand twice in one mapping, sorted: nobody has to complain of them again.
    pub duplicate_keys: Vec<u32>,
    /// How many merge keys there were: what a mapping lacks may have been meant to come from them.
    pub merge_keys: usize,
}

/// The few kinds of events that mean something here.
enum Raw<'t> {
    Document(At),
    DocumentEnd,
    Scalar(Scalar<'t>),
    Sequence(At),
    Mapping(At),
    End,
    Alias,
}

/// A walk over the YAML of one file.
pub struct Cursor<'t> {
    pub(super) file: FileId,
    pub(super) text: &'t str,
    parser: Parser<'t, StrInput<'t>>,
    pub(super) ended: bool,
    /// Whether every text of the file has to be looked at for hidden characters.
    careful: bool,
    /// Keys of all open mappings, and where those of each begin.
    keys: Vec<(Cow<'t, str>, At)>,
    frames: Vec<usize>,
    /// How many keys that are no text the walk is within.
    in_refused_keys: usize,
    pub(super) outcome: Outcome,
}

/// Walks over a whole file and tells what is wrong about its YAML, whatever it means.
#[must_use]
pub fn walk_over(file: FileId, text: &str) -> Outcome {
    let mut cursor = Cursor::new(file, text);
    if let Some(root) = cursor.root() {
        cursor.skip_rest(&root);
    }
    cursor.finish()
}

impl<'t> Cursor<'t> {
    /// A walk over the text of a file.
    #[must_use]
    pub fn new(file: FileId, text: &'t str) -> Self {
        let mut options = granit_parser::options! {
            emit_anchor_events: true,
            emit_unresolved_aliases: true,
            flow_nesting_limit: DEEPEST,
            block_nesting_limit: DEEPEST,
        };
        options.set_emit_comments(false);
        let careful = !text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n' | b'\r' | b'\t'));
        let mut cursor = Self {
            file,
            text,
            parser: Parser::new_from_str_with_options(text, options),
            ended: false,
            careful,
            keys: Vec::new(),
            frames: Vec::new(),
            in_refused_keys: 0,
            outcome: Outcome::default(),
        };
        if careful {
            cursor.tell_hidden_characters();
        }
        cursor.tell_lone_returns();
        cursor
    }

    /// The file.
    #[must_use]
    pub const fn file(&self) -> FileId {
        self.file
    }

    /// Records a mistake.
    pub fn tell(&mut self, diagnostic: Diagnostic) {
        self.outcome.mistakes.push(diagnostic);
    }

    /// How many mistakes were recorded so far.
    #[must_use]
    pub fn mistakes(&self) -> usize {
        self.outcome.mistakes.total()
    }

    /// Whether an error of this kind would still be kept: work for its help can be saved otherwise.
    #[must_use]
    pub fn keeps(&self, code: Code) -> bool {
        self.outcome.mistakes.keeps(code, Severity::Error)
    }

    /// Counts an error that need not be made, because [`Cursor::keeps`] said no.
    pub fn count(&mut self, code: Code) {
        self.outcome.mistakes.count(code, Severity::Error);
    }

    /// The root of the first document; `None` if the file has no content.
    pub fn root(&mut self) -> Option<Node<'t>> {
        match self.pull()? {
            Raw::Document(_) => Some(self.node()),
            Raw::DocumentEnd | Raw::Scalar(_) | Raw::Sequence(_) | Raw::Mapping(_) | Raw::End | Raw::Alias => None,
        }
    }

    /// How many merge keys there were so far.
    #[must_use]
    pub const fn merge_keys(&self) -> usize {
        self.outcome.merge_keys
    }

    /// The value of the key that was read last.
    pub fn node(&mut self) -> Node<'t> {
        match self.pull() {
            Some(Raw::Scalar(scalar)) => Node::Scalar(scalar),
            Some(Raw::Sequence(at)) => Node::Sequence(at),
            Some(Raw::Mapping(at)) => {
                self.frames.push(self.keys.len());
                Node::Mapping(at)
            }
            Some(Raw::Document(_) | Raw::DocumentEnd | Raw::End | Raw::Alias) | None => Node::Nothing,
        }
    }

    /// The next key of the mapping that was opened last and has not ended; `None` at its end.
    pub fn next_key(&mut self) -> Option<Scalar<'t>> {
        loop {
            match self.pull() {
                Some(Raw::Scalar(key)) => {
                    if key.plain && key.text == "<<" {
                        let mistake = Diagnostic::error(Code::YamlFeature, "merge keys are not part of the language")
                            .at(key.at.span(self.file), "")
                            .help("write the keys out");
                        self.tell(mistake);
                        self.outcome.merge_keys += 1;
                        self.skip();
                        continue;
                    }
                    self.keys.push((key.text.clone(), key.at));
                    return Some(key);
                }
                Some(Raw::Sequence(at)) => {
                    self.refuse_key(at);
                    self.in_refused_keys += 1;
                    self.skip_items();
                    self.in_refused_keys -= 1;
                    self.skip();
                }
                Some(Raw::Mapping(at)) => {
                    self.refuse_key(at);
                    self.in_refused_keys += 1;
                    self.frames.push(self.keys.len());
                    self.skip_entries();
                    self.in_refused_keys -= 1;
                    self.skip();
                }
                Some(Raw::Alias) => self.skip(),
                Some(Raw::End | Raw::Document(_) | Raw::DocumentEnd) | None => {
                    self.close_mapping();
                    return None;
                }
            }
        }
    }

    /// The next item of the list that was opened last and has not ended; `None` at its end.
    pub fn next_item(&mut self) -> Option<Node<'t>> {
        match self.pull()? {
            Raw::Scalar(scalar) => Some(Node::Scalar(scalar)),
            Raw::Sequence(at) => Some(Node::Sequence(at)),
            Raw::Mapping(at) => {
                self.frames.push(self.keys.len());
                Some(Node::Mapping(at))
            }
            Raw::Alias => Some(Node::Nothing),
            Raw::End | Raw::Document(_) | Raw::DocumentEnd => None,
        }
    }

    /// Skips the value of the key that was read last.
    pub fn skip(&mut self) {
        let node = self.node();
        self.skip_rest(&node);
    }

    /// Skips what is left of a node that was just begun.
    pub fn skip_rest(&mut self, node: &Node<'t>) {
        match node {
            Node::Scalar(_) | Node::Nothing => {}
            Node::Sequence(_) => self.skip_items(),
            Node::Mapping(_) => self.skip_entries(),
        }
    }

    /// Ends the walk: whatever follows the first document is a mistake.
    #[must_use]
    pub fn finish(mut self) -> Outcome {
        loop {
            match self.pull() {
                Some(Raw::Document(at)) => {
                    let mistake = Diagnostic::error(Code::SecondDocument, "a second YAML document begins here")
                        .at(at.span(self.file), "")
                        .help("one file holds one document; put the other into a file of its own");
                    self.tell(mistake);
                    self.outcome.broken = true;
                    break;
                }
                Some(
                    Raw::DocumentEnd | Raw::Scalar(_) | Raw::Sequence(_) | Raw::Mapping(_) | Raw::End | Raw::Alias,
                ) => {}
                None => break,
            }
        }
        self.outcome.duplicate_keys.sort_unstable();
        self.outcome
    }

    fn skip_items(&mut self) {
        while let Some(item) = self.next_item() {
            self.skip_rest(&item);
        }
    }

    fn skip_entries(&mut self) {
        while self.next_key().is_some() {
            self.skip();
        }
    }

    fn refuse_key(&mut self, at: At) {
        // A key of braces within braces is one mistake.
        if self.in_refused_keys > 0 {
            return;
        }
        let is_placeholder = self.text.get(at.offset as usize..).is_some_and(|rest| rest.starts_with("{{"));
        let help = if is_placeholder {
            "replace the placeholder before the manifests are read"
        } else {
            "write a single word or a quoted text before the colon"
        };
        let mistake = Diagnostic::error(Code::WrongType, "a key has to be text")
            .at(Position::new(self.file, at.offset), "")
            .help(help);
        self.tell(mistake);
    }

    /// Forgets the keys of the mapping that ends, after a look for one that stands there twice.
    fn close_mapping(&mut self) {
        let start = self.frames.pop().unwrap_or(0).min(self.keys.len());
        let keys = &mut self.keys[start..];
        // Of each second one, which it is among the keys, and where the first stands.
        let mut twice: Vec<(usize, At)> = Vec::new();
        if keys.len() <= FEW_KEYS {
            for (index, (key, _)) in keys.iter().enumerate() {
                twice.extend(keys[..index].iter().find(|(other, _)| other == key).map(|(_, first)| (index, *first)));
            }
        } else {
            // Stable: equal keys stay in the order of the file.
            keys.sort_by(|(a, _), (b, _)| a.cmp(b));
            let mut from = 0;
            for same in keys.chunk_by(|(a, _), (b, _)| a == b) {
                twice.extend((from + 1..from + same.len()).map(|index| (index, same[0].1)));
                from += same.len();
            }
        }
        for (index, first) in twice {
            let (key, second) = &self.keys[start + index];
            let second = *second;
            let message = format!("`{key}` stands twice in one mapping");
            self.outcome.duplicate_keys.push(second.offset);
            let mistake = Diagnostic::error(Code::DuplicateKey, message)
                .at(second.span(self.file), "here again")
                .and(first.span(self.file), "first here")
                .help("keep one of them");
            self.tell(mistake);
        }
        self.keys.truncate(start);
    }

    /// The next event that means something, with what is wrong about it recorded.
    fn pull(&mut self) -> Option<Raw<'t>> {
        while !self.ended {
            let (event, span) = match self.parser.next_event() {
                Some(Ok(next)) => next,
                Some(Err(error)) => {
                    self.break_off(&error);
                    return None;
                }
                None => {
                    self.ended = true;
                    return None;
                }
            };
            let at = at(&span);
            match event {
                Event::Scalar(text, style, _, tag) => {
                    if tag.is_some() {
                        self.refuse_tag(&span);
                    }
                    // Only an escape can bring what was not seen in the text of the file.
                    if self.careful || matches!(text, Cow::Owned(_)) {
                        self.check_scalar(&text, at);
                    }
                    if find_secret(&text).is_some() {
                        self.refuse_secret(at);
                    }
                    return Some(Raw::Scalar(Scalar { text, at, plain: style == ScalarStyle::Plain }));
                }
                Event::SequenceStart(_, _, tag) => {
                    if tag.is_some() {
                        self.refuse_tag(&span);
                    }
                    return Some(Raw::Sequence(at));
                }
                Event::MappingStart(_, _, tag) => {
                    if tag.is_some() {
                        self.refuse_tag(&span);
                    }
                    return Some(Raw::Mapping(at));
                }
                Event::SequenceEnd | Event::MappingEnd => return Some(Raw::End),
                Event::DocumentStart(..) => return Some(Raw::Document(at)),
                Event::DocumentEnd => return Some(Raw::DocumentEnd),
                Event::Anchor(..) => self.refuse_feature(at, "anchors are not part of the language"),
                Event::Alias(_) | Event::UnresolvedAlias(_) => {
                    self.refuse_feature(at, "aliases are not part of the language");
                    return Some(Raw::Alias);
                }
                Event::StreamStart | Event::StreamEnd | Event::Comment(..) => {}
                // The parser's events may grow; what is not known here can't be meant.
                _ => self.refuse_feature(at, "this is not part of the language"),
            }
        }
        None
    }

    fn refuse_tag(&mut self, span: &Span) {
        let at = span.tag_span().map_or_else(|| at(span), |tag| at(&tag));
        self.refuse_feature(at, "tags are not part of the language");
    }

    /// A secret is never part of what a file says.
    fn refuse_secret(&mut self, at: At) {
        let mistake = Diagnostic::error(Code::SecretInClear, "this looks like a secret, written out")
            .at(at.span(self.file), "")
            .help("take it out, and out of the history of the file; then replace the secret by a new one where it is used");
        self.tell(mistake);
    }

    fn refuse_feature(&mut self, at: At, message: &str) {
        let mistake = Diagnostic::error(Code::YamlFeature, message)
            .at(at.span(self.file), "")
            .help("write the value out, without `&`, `*` and `!` before it; quote a pattern: \"*\"");
        self.tell(mistake);
    }

    /// Tells of hidden characters that are written as themselves, wherever they stand: in a comment they can make the
    /// line before it look like another one.
    fn tell_hidden_characters(&mut self) {
        // A byte order mark may begin a file.
        let begin = self.text.strip_prefix('\u{FEFF}').map_or(0, |rest| self.text.len() - rest.len());
        for (offset, character) in self.text.char_indices().skip_while(|&(offset, _)| offset < begin) {
            if is_hidden(character) {
                let span = At { offset: small(offset), length: small(character.len_utf8()) }.span(self.file);
                self.tell(hidden(character, span));
            }
        }
    }

    /// Tells of a line that ends with a carriage return alone: YAML reads another line behind it, and git and most
    /// programs show both as one, so that the second may look like part of a comment.
    fn tell_lone_returns(&mut self) {
        let mut returns = self.text.match_indices('\r').map(|(at, _)| at);
        let Some(at) = returns.find(|at| self.text.as_bytes().get(at + 1) != Some(&b'\n')) else { return };
        let span = At { offset: small(at), length: 1 }.span(self.file);
        let message = "a line ends here with a carriage return alone, where most programs show no end of a line";
        let help =
            "save the file with line feeds (LF), or carriage returns and line feeds (CRLF), at the ends of lines";
        self.tell(Diagnostic::error(Code::HiddenCharacter, message).at(span, "").help(help));
    }

    /// Tells of hidden characters that escapes bring into a text: of each once.
    fn check_scalar(&mut self, text: &str, at: At) {
        let Some((first, _)) = find_hidden(text) else { return };
        let end = (at.offset as usize).saturating_add(at.length as usize);
        let written = self.text.get(at.offset as usize..end).unwrap_or_default();
        let mut told: Vec<char> = Vec::new();
        for character in text[first..].chars().filter(|&character| is_hidden(character)) {
            if !told.contains(&character) && !written.contains(character) && told.len() < MOST_IN_A_TEXT {
                told.push(character);
                self.tell(hidden(character, at.span(self.file)));
            }
        }
    }
}

fn hidden(character: char, span: Stretch) -> Diagnostic {
    let code_point = u32::from(character);
    let (why, help) = why_hidden(character);
    Diagnostic::error(Code::HiddenCharacter, format!("the character U+{code_point:04X} {why}")).at(span, "").help(help)
}

fn at(span: &Span) -> At {
    let start = span.start.byte_offset().unwrap_or(0);
    let end = span.end.byte_offset().unwrap_or(start);
    At { offset: small(start), length: small(end.saturating_sub(start)) }
}

/// Files are bounded well below 4 GiB, so every offset is.
pub(super) fn small(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}

#[cfg(test)]
#[path = "cursor_tests.rs"]
mod tests;
