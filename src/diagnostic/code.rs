//! The stable names of all mistakes and remarks; people search for them and tools filter by them.

/// Declares the closed list of codes once: variant, kebab-case text, what it means.
macro_rules! codes {
    ($($(#[$meta:meta])* $variant:ident = $text:literal),+ $(,)?) => {
        /// The stable kebab-case name of a kind of mistake.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $($(#[$meta])* $variant),+ }

        impl Code {
            /// Every code, in the order of this list.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name as printed, for example `unknown-role`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }
    };
}

codes! {
    /// The file is not well-formed YAML.
    Syntax = "syntax",
    /// Something of the language that a later version brings.
    NotYetSupported = "not-yet-supported",
    /// A key that the language does not have.
    UnknownKey = "unknown-key",
    /// The same key twice in one mapping.
    DuplicateKey = "duplicate-key",
    /// A value of the wrong type.
    WrongType = "wrong-type",
    /// A value outside of what is allowed in its place.
    InvalidValue = "invalid-value",
    /// The same object declared twice.
    DuplicateDeclaration = "duplicate-declaration",
    /// A name that breaks the rules for names.
    InvalidName = "invalid-name",
    /// A key that breaks the rules for keys.
    InvalidKey = "invalid-key",
    /// An invisible or bidirectional control character.
    HiddenCharacter = "hidden-character",
    /// Letters of several scripts that look alike.
    MixedScript = "mixed-script",
    /// Two names that look alike and are written with different letters.
    LookAlike = "look-alike",
    /// An anchor, alias, merge key or tag.
    YamlFeature = "yaml-feature",
    /// More than one YAML document in a file.
    SecondDocument = "second-document",
    /// A secret that is written out, where only its name may stand, or nothing at all.
    SecretInClear = "secret-in-clear",
    /// Too large, too deep, or more than the budget allows.
    TooLarge = "too-large",
    /// A file or folder that can't be read, or is no UTF-8 text.
    Unreadable = "unreadable",
    /// A link or path that leaves the access repository.
    OutsideRepository = "outside-repository",
    /// A file among the manifests that is not read, and by its name might be one.
    IgnoredFile = "ignored-file",
    /// A manifest that declares nothing.
    EmptyManifest = "empty-manifest",
    /// A path that is to hold manifests and holds none.
    NoManifest = "no-manifest",
    /// Entries of a manifest are not in canonical order.
    NotCanonical = "not-canonical",
    /// The same entry twice in one list.
    DuplicateEntry = "duplicate-entry",
    /// Lines of which one makes the other say nothing.
    Contradiction = "contradiction",
    /// Something given only while what it needs is not in force.
    NeverInForce = "never-in-force",
    /// Something that is declared absent and named all the same.
    DeclaredAbsent = "declared-absent",
    /// A role that nobody declares.
    UnknownRole = "unknown-role",
    /// An organization that nobody declares.
    UnknownOrganization = "unknown-organization",
    /// A site that nobody declares.
    UnknownSite = "unknown-site",
    /// A team that nobody declares.
    UnknownTeam = "unknown-team",
    /// A user whom nobody declares.
    UnknownUser = "unknown-user",
    /// Teams that contain each other.
    TeamCycle = "team-cycle",
    /// Roles, sites or organizations that include each other.
    IncludeCycle = "include-cycle",
    /// Two roles in one place, neither of which ranks above the other.
    ConflictingRoles = "conflicting-roles",
    /// Two default sites in one organization.
    ConflictingDefaultSites = "conflicting-default-sites",
    /// A default site that is not among the effective sites.
    DefaultSiteNotGranted = "default-site-not-granted",
    /// A site grant in an organization of which the user is no member.
    GrantWithoutMembership = "grant-without-membership",
    /// Sites listed under a role that reaches every site anyway.
    SitesUnderAll = "sites-under-all",
    /// A user to whom nothing gives anything and who does not say so, or a place that is named and gives nothing.
    NoAccessStated = "no-access-stated",
    /// A pattern that matches nothing.
    PatternMatchesNothing = "pattern-matches-nothing",
    /// Something is left to others that another source gives.
    ConflictingUnmanaged = "conflicting-unmanaged",
    /// A former name that is declared too, or claimed twice.
    FormerName = "former-name",
    /// A former name that is live no more: the line can go.
    RenameDone = "rename-done",
    /// A former name under which nothing is live, and nothing under the new one either.
    UnknownFormerName = "unknown-former-name",
    /// Somebody named under `inactive` whom nobody declares.
    UndeclaredLeaver = "undeclared-leaver",
    /// Somebody named under `inactive` with two dates.
    LeaverTwice = "leaver-twice",
    /// Somebody who is leaving is still named in a team or a site grant.
    LeaverReferenced = "leaver-referenced",
    /// An account that the settings protect, and nobody has its key.
    ProtectsNobody = "protects-nobody",
    /// The account that rollcall itself uses is somebody whom no manifest declares, and who loses nothing.
    OwnAccountUndeclared = "own-account-undeclared",
    /// A protected pattern that is most people's, or every admin's.
    ProtectsMost = "protects-most",
    /// No user is declared while people are live.
    NoUserDeclared = "no-user-declared",
    /// A role in a place for which it is not meant, or that can't be granted.
    RoleNotApplicable = "role-not-applicable",
    /// Something that the rules of the store do not have.
    NotInRules = "not-in-rules",
    /// A field that the rules demand.
    RequiredField = "required-field",
    /// Too few or too many of something by the rules.
    OutsideLimits = "outside-limits",
    /// A shared-looking account, or one address of two people.
    SharedAccount = "shared-account",
    /// More accounts take a seat than the rules have.
    OverSeats = "over-seats",
    /// Somebody waits for a seat, and service accounts take some.
    NoSeatFree = "no-seat-free",
    /// Somebody declared whose account another application keeps.
    KeptElsewhere = "kept-elsewhere",
    /// Two-factor authentication that is declared, live otherwise, and switched by others.
    SwitchedByOthers = "switched-by-others",
    /// A mistake in the settings.
    InvalidSettings = "invalid-settings",
    /// A policy that can't be asked.
    InvalidPolicy = "invalid-policy",
    /// Something that a policy does not allow.
    PolicyViolated = "policy-violated",
    /// A policy of which it can't be said whether it is kept.
    PolicyUnanswered = "policy-unanswered",
    /// A mistake in a rule set.
    InvalidRules = "invalid-rules",
    /// Somebody is active already whose first day is still to come.
    ActiveBeforeStart = "active-before-start",
    /// Two live accounts with one key.
    AmbiguousKey = "ambiguous-key",
    /// Somebody was locked out by an operator, and is in again without anybody saying so.
    LockOutForgotten = "lock-out-forgotten",
    /// A manifest lets somebody in again whom an operator had locked out.
    LockedOutLetIn = "locked-out-let-in",
    /// Somebody is let in again with more than is declared, which is taken away afterwards.
    ReturnsWithMore = "returns-with-more",
    /// Something declared that the settings leave out of the scope.
    OutsideScope = "outside-scope",
    /// Somebody is declared and has no account, where accounts are not managed.
    NoAccount = "no-account",
    /// A change that can't be made while an invitation is pending.
    WaitsForAcceptance = "waits-for-acceptance",
    /// One-time secrets have nowhere to go.
    NoSecretSink = "no-secret-sink",
    /// A one-time secret was made, and nobody has it.
    SecretLost = "secret-lost",
    /// A reset of all passwords was cut off, and did not reach everybody.
    ResetCutShort = "reset-cut-short",
    /// A mistake on the command line, or something asked for that is not there.
    CommandLine = "command-line",
    /// The base of a change can't be read, or not be compared with.
    BaseUnusable = "base-unusable",
    /// A store that can't be reached, read or written, or is something else.
    StoreUnusable = "store-unusable",
    /// A journal that can't be used, or that is of another store.
    JournalUnusable = "journal-unusable",
    /// Something else could not be done: a file that can't be written, an interruption.
    CouldNotBeDone = "could-not-be-done",
    /// Something that the rules demand is left to others, who have not given it.
    DemandedUnmanaged = "demanded-unmanaged",
    /// Somebody between two roles since a run was stopped, and what was to come is gone.
    HalfChanged = "half-changed",
}
