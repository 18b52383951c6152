//! Why a guard refuses, as far as history tells: one line of a refusal.

use super::style::{count, name, number, path, short};

/// What is known of why a guard refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// A change explains most of it.
    Likely(LikelyCause),
    /// The last revisions show no such change.
    Unknown,
    /// There is no git repository to ask, or no git.
    NoRepository,
    /// The git repository has no revision yet.
    NoRevision,
    /// The clone holds the last revisions only, and these show no such change.
    Shallow,
}

/// The change that explains most of what was refused. Lines are those of the settings of today.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LikelyCause {
    /// One file declares more, or less.
    Counted {
        /// Its path.
        file: String,
        /// What is counted in it.
        counted: Counted,
        /// How many there were.
        before: usize,
        /// At which revision: `main~1`.
        revision: String,
        /// How many there are now.
        now: usize,
        /// What became of it, where it declares none any more.
        state: FileState,
    },
    /// Declarations of one file are not what they were.
    Turned {
        /// Its path.
        file: String,
        /// What happened to them.
        turn: Turn,
        /// What they are.
        counted: Counted,
        /// How many.
        number: usize,
        /// How many people they reach.
        reach: usize,
        /// The name of one of them.
        example: Option<String>,
        /// Since which revision.
        revision: String,
    },
    /// Files are not read any more, though they are there.
    NotRead {
        /// The line of `manifests`.
        line: u32,
        /// The file that holds most.
        file: String,
        /// How many other files are not read either.
        more: usize,
        /// What is counted in them.
        counted: Counted,
        /// How many there are.
        number: usize,
        /// The revision at which they were read.
        revision: String,
    },
    /// A setting is not what it was.
    Setting {
        /// Its line.
        line: u32,
        /// Its name, with dots.
        name: String,
        /// What it was.
        before: String,
        /// What it is.
        now: String,
        /// The revision at which it was that.
        revision: String,
    },
}

/// What is counted in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Counted {
    /// Declared users.
    People,
    /// Lines that give access: of users, teams and site grants, and members of teams.
    Access,
    /// People named under `inactive`, and users who are declared inactive or absent.
    Leavers,
    /// Roles.
    Roles,
}

/// What became of a file that declares nothing of its kind any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileState {
    /// It is there, and declares something else or nothing.
    There,
    /// Nothing stands in it.
    Empty,
    /// It is not there.
    Missing,
}

/// What happened to declarations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turn {
    /// They say something else.
    Changed,
    /// They were taken out.
    TakenOut,
    /// They were not there before.
    Added,
}

impl Turn {
    const fn word(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::TakenOut => "lost",
            Self::Added => "added",
        }
    }
}

impl Counted {
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::People => ("person", "people"),
            Self::Access => ("line of access", "lines of access"),
            Self::Leavers => ("leaver", "leavers"),
            Self::Roles => ("role", "roles"),
        }
    }

    fn of(self, number: usize) -> String {
        let (one, many) = self.words();
        count(number, one, many)
    }
}

impl Cause {
    /// One line, indented; empty where nothing is known.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Likely(cause) => format!("  most likely cause: {}\n", cause.words()),
            Self::Unknown => String::new(),
            Self::NoRepository => {
                "  which change is to blame can't be told: there is no git repository here to compare with\n".to_owned()
            }
            Self::NoRevision => {
                "  which change is to blame can't be told: nothing is committed yet to compare with\n".to_owned()
            }
            Self::Shallow => {
                "  which change is to blame can't be told: this clone is shallow; fetch its history (in CI: \
                 `fetch-depth: 0`, or `git fetch --unshallow`)\n"
                    .to_owned()
            }
        }
    }
}

impl LikelyCause {
    fn words(&self) -> String {
        match self {
            Self::Counted { file, counted, before, revision, now, state } => {
                let state = match state {
                    FileState::There => "",
                    FileState::Empty => ": the file is empty",
                    FileState::Missing => ": the file is missing",
                };
                let (before, revision) = (counted.of(*before), name(revision));
                format!("{} declared {before} at {revision} and declares {} now{state}", path(file), number(*now))
            }
            Self::Turned { file, turn, counted, number: changed, reach, example, revision } => {
                let which = match example {
                    Some(example) if *changed == 1 => format!(" (`{}`)", short(example)),
                    Some(example) => format!(" (`{}` among them)", short(example)),
                    None => String::new(),
                };
                let reach = if reach == changed {
                    String::new()
                } else {
                    format!(
                        ", which {} {}",
                        if *changed == 1 { "reaches" } else { "reach" },
                        Counted::People.of(*reach)
                    )
                };
                let (turned, since) = (counted.of(*changed), name(revision));
                format!("{} {} {turned}{which} since {since}{reach}", path(file), turn.word())
            }
            Self::NotRead { line, file, more, counted, number, revision } => {
                let more = match more {
                    0 => String::new(),
                    more => format!(" and {}", count(*more, "file more", "files more")),
                };
                let (held, since) = (counted.of(*number), name(revision));
                format!("rollcall.yaml:{line}: `manifests` no longer reads {}{more} ({held}) since {since}", path(file))
            }
            Self::Setting { line, name: setting, before, now, revision } => format!(
                "rollcall.yaml:{line}: `{setting}` is `{}` and was `{}` at {}",
                short(now),
                short(before),
                name(revision)
            ),
        }
    }
}
