//! The words of the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use jiff::Timestamp;

use crate::guard::{Guard, Waiver};
use crate::model::Status;
use crate::plan::Cause;

/// Keeps who-has-access-to-what in git: declared in YAML, planned against the live user store, applied.
#[derive(Debug, Parser)]
#[command(name = "rollcall", version, about, max_term_width = 100, after_help = EXIT_CODES)]
pub(super) struct Options {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 could not be done, 2 there are actions (plan --detailed-exitcode), \
                          3 invalid settings, manifests or command line, 4 refused by a guard or a policy, \
                          5 stale plan, 6 applied in part";

/// Options of every command; they stand before or after it.
#[derive(Debug, Args)]
pub(super) struct Global {
    /// The access repository: the folder that holds rollcall.yaml
    #[arg(short = 'C', global = true, value_name = "DIR", default_value = ".")]
    pub(super) repository: PathBuf,
    /// The store to work on, by its name in rollcall.yaml
    #[arg(long, global = true, value_name = "NAME")]
    pub(super) store: Option<String>,
    /// Files and folders with manifests, in place of those that rollcall.yaml names
    #[arg(long, global = true, value_name = "PATH", value_parser = manifests_path)]
    pub(super) manifests: Vec<String>,
    /// How results are printed; csv and xlsx: `export` only; markdown and html: `plan` only; github and gitlab: `plan` and `validate`
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    pub(super) format: Format,
    /// Whether to use colours
    #[arg(long, global = true, value_enum, default_value_t = Colour::Auto, value_name = "WHEN")]
    pub(super) color: Colour,
    /// Says more; nothing is left out of a plan
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
    /// Says less: results and errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// How log lines are written to standard error
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text, value_name = "FORMAT")]
    pub(super) log_format: LogFormat,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people.
    Text,
    /// One document.
    Json,
    /// A list of people and their roles, of `export`.
    Csv,
    /// Templates for invitations, of `export`.
    Xlsx,
    /// A comment under a pull request, of `plan`.
    Markdown,
    /// One page that needs nothing else, of `plan`.
    Html,
    /// Annotations at their lines, as workflow commands of GitHub, of `plan` and `validate`.
    Github,
    /// A Code Quality report of GitLab, of `plan` and `validate`.
    Gitlab,
}

/// A format of `--report`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ReportFormat {
    Markdown,
    Html,
    Github,
    Gitlab,
}

/// A report that is written into a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ReportFile {
    pub(super) format: ReportFormat,
    pub(super) file: PathBuf,
}

/// Whether to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Colour {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    /// For people.
    Text,
    /// A JSON object a line.
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Writes what an access repository needs and does not have yet, the files of embedded stores among it
    Init,
    /// Checks settings and manifests under the rules of the store, and asks the policies that need no store; needs neither the store nor secrets
    Validate(Validate),
    /// Puts entries of manifests in canonical order, with their comments; rewrites nothing else
    Fmt(Fmt),
    /// Shows what would change; writes nothing
    Plan(Plan),
    /// Plans, asks, and does it
    Apply(Apply),
    /// Writes manifests: of the live state of the store, or of people in a file of another program
    Import(Box<Import>),
    /// Writes the people of the store, with their access, as csv, xlsx or json
    Export(Export),
    /// Tells what access a user has and from which lines, or who reaches an organization or a site
    Explain(Explain),
    /// Lists invitations, sends or cancels one, or answers one in place of the person
    Invitations(Invitations),
    /// Locks one account out at once, whatever the manifests say, and even if they are not valid
    Deactivate(Deactivate),
    /// Ends the password of one account, or of all active ones; no plan ever does
    ResetPassword(ResetPassword),
    /// Lists the built-in rule sets, or shows one
    Rules(RulesArguments),
    /// Prints a JSON Schema, or the names of all
    Schema(Schema),
    /// Prints a completion script for a shell
    Completions(Completions),
}

#[derive(Debug, Args)]
pub(super) struct Validate {
    /// The time of the run instead of now, such as 2026-12-01T00:00:00Z
    #[arg(long, value_name = "TIMESTAMP", value_parser = timestamp)]
    pub(super) at: Option<Timestamp>,
    /// Writes what is found into a file as well (github or gitlab), also where something is wrong; may be repeated
    #[arg(long, value_name = "FORMAT=FILE", value_parser = report_file)]
    pub(super) report: Vec<ReportFile>,
}

#[derive(Debug, Args)]
pub(super) struct Fmt {
    /// Writes nothing, shows what would move, and ends with 3 if anything would
    #[arg(long)]
    pub(super) check: bool,
}

#[derive(Debug, Args)]
pub(super) struct Plan {
    /// The time of the run instead of now, such as 2026-12-01T00:00:00Z
    #[arg(long, value_name = "TIMESTAMP", value_parser = timestamp)]
    pub(super) at: Option<Timestamp>,
    /// Ends with 2 instead of 0 if there are actions
    #[arg(long)]
    pub(super) detailed_exitcode: bool,
    /// Plans for this user only: what is done for them, and what that needs; a part of the key or the name will do
    #[arg(long, value_name = "KEY")]
    pub(super) target: Option<String>,
    /// Plans without the guard that shapes the plan, which is `min_admins`
    #[arg(long, value_name = "GUARD")]
    pub(super) waive: Vec<Guard>,
    /// Saves the plan in this file, relative to the access repository, for `apply FILE`
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
    /// Writes a report of the plan into a file as well, or of what keeps it from being made: markdown, html, github or
    /// gitlab;
    /// may be repeated
    #[arg(long, value_name = "FORMAT=FILE", value_parser = report_file)]
    pub(super) report: Vec<ReportFile>,
    /// The git revision that a change is compared with: says why each action is there now, and takes stores, rules,
    /// secrets, mail and policies from it, and the stricter guards of both
    #[arg(long, value_name = "REV")]
    pub(super) base: Option<String>,
    /// Only actions of these causes (manifest, drift, expiry, deferred), with commas between them, and what an operator asked for; what needs another waits
    #[arg(long, value_name = "CAUSE", requires = "base", value_delimiter = ',', value_parser = cause)]
    pub(super) cause: Vec<Cause>,
    /// Compares with what this git revision declares, in place of a store: reads no store, no journal and no secret, for
    /// changes by people who are not trusted; such a plan can't be applied
    #[arg(long, value_name = "REV", conflicts_with_all = ["base", "out"])]
    pub(super) against: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Apply {
    /// A plan that `plan --out` saved, relative to the access repository: exactly its actions, if it still holds
    #[arg(value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
    /// Does not ask; needed where there is no terminal
    #[arg(long)]
    pub(super) yes: bool,
    /// Applies only a plan with this digest, and does not ask
    #[arg(long, value_name = "DIGEST")]
    pub(super) approved: Option<String>,
    /// Plans for this user only: what is done for them, and what that needs; a part of the key or the name will do, with `--yes` only the whole key
    #[arg(long, value_name = "KEY")]
    pub(super) target: Option<String>,
    /// Lifts one guard, or one policy (policies.NAME), from the plan with this digest, in this run only; may be repeated
    #[arg(long, value_name = "GUARD=DIGEST")]
    pub(super) waive: Vec<Waiver>,
    /// The time of the run instead of now, for embedded stores only
    #[arg(long, value_name = "TIMESTAMP", value_parser = timestamp)]
    pub(super) at: Option<Timestamp>,
    /// The git revision that a change is compared with: says why each action is there now, and takes stores, rules,
    /// secrets, mail and policies from it, and the stricter guards of both
    #[arg(long, value_name = "REV", conflicts_with = "file")]
    pub(super) base: Option<String>,
    /// Only actions of these causes (manifest, drift, expiry, deferred), with commas between them, and what an operator
    /// asked for; what needs another waits
    #[arg(long, value_name = "CAUSE", requires = "base", value_delimiter = ',', value_parser = cause)]
    pub(super) cause: Vec<Cause>,
}

#[derive(Debug, Args)]
#[command(after_help = IMPORT)]
#[allow(clippy::struct_excessive_bools, reason = "independent flags of a command")]
pub(super) struct Import {
    /// A file of another program, relative to the access repository, in place of the store
    #[arg(value_name = "FILE", requires = "from")]
    pub(super) file: Option<PathBuf>,
    /// The folder to write into, relative to the access repository; it must hold no YAML
    #[arg(long, value_name = "DIR")]
    pub(super) out: PathBuf,
    /// What the file is: a list of people and roles (csv), or a template for invitations (xlsx)
    #[arg(long, value_enum, requires = "file")]
    pub(super) from: Option<From>,
    /// The organization: of rows that name none (csv), of everybody (xlsx)
    #[arg(long, value_name = "ORG", requires = "from")]
    pub(super) organization: Option<String>,
    /// csv: a role that is held beside the main one; may be repeated
    #[arg(long, value_name = "ROLE", requires = "from")]
    pub(super) extra_role: Vec<String>,
    /// csv: what a further word in the column of statuses means, such as blocked=inactive; may be repeated
    #[arg(long, value_name = "WORD=STATUS", requires = "from", value_parser = status_word)]
    pub(super) status: Vec<(String, Status)>,
    /// xlsx: the user type of everybody
    #[arg(long, value_name = "TYPE", requires = "from")]
    pub(super) user_type: Option<String>,
    /// xlsx: the role of everybody
    #[arg(long, value_name = "ROLE", requires = "from")]
    pub(super) role: Option<String>,
    /// xlsx: the site of everybody
    #[arg(long, value_name = "SITE", requires = "from")]
    pub(super) site: Option<String>,
    /// xlsx: nobody has a role
    #[arg(long, requires = "from", conflicts_with = "role")]
    pub(super) no_role: bool,
    /// xlsx: nobody has a site
    #[arg(long, requires = "from", conflicts_with = "site")]
    pub(super) no_site: bool,
    /// xlsx: invitations go out
    #[arg(long, requires = "from", conflicts_with = "suppress")]
    pub(super) send: bool,
    /// xlsx: people are made known, and invited later (`status: preloaded`)
    #[arg(long, requires = "from")]
    pub(super) suppress: bool,
    /// xlsx: the sheet, where there are several
    #[arg(long, value_name = "NAME", requires = "from")]
    pub(super) sheet: Option<String>,
}

const IMPORT: &str = "A list (csv) has a header, in English or French, and a row for each role of a person: first name, \
                      last name, e-mail, creation date, status (connected, notified), usage version, language, \
                      location, company, role; parted by `,` or `;`, in UTF-8. The organization of a role stands in \
                      the column Organization, else Company, else --organization names it. A template (xlsx) has \
                      first name, last name and e-mail, a row for each person; --user-type, --role (or --no-role), \
                      --organization and --site (or --no-site) hold for all of them, and --send or --suppress says \
                      whether they are invited. Where a store knows people by a login, a column Login is needed, and \
                      Full name is read. Roles that manifests or the store have stay as they are there. Nothing is guessed, and a file with a mistake yields nothing. What no manifest can say is listed.";

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum From {
    /// A list of people, a row for each role.
    Csv,
    /// A template for invitations in bulk, a row for each person.
    Xlsx,
}

/// A time with its zone, as RFC 3339 writes it.
fn timestamp(text: &str) -> Result<Timestamp, String> {
    let mistake = || "write a time with its zone, such as 2026-12-01T00:00:00Z".to_owned();
    // No zone is a day away, though the library takes them.
    let zone = text.split_once(['T', 't', ' ']).and_then(|(_, time)| time.rsplit_once(['+', '-']));
    let hours = zone.and_then(|(_, zone)| zone.get(..2)).and_then(|hours| hours.parse::<u8>().ok());
    if hours.is_some_and(|hours| hours > 23) {
        return Err(mistake());
    }
    text.parse().map_err(|_| mistake())
}

/// A cause by which actions can be chosen.
fn cause(text: &str) -> Result<Cause, String> {
    let words = "manifest (this change), drift, expiry, deferred (possible only now)";
    match Cause::ALL.into_iter().find(|cause| cause.as_str() == text) {
        Some(cause @ (Cause::Manifest | Cause::Drift | Cause::Expiry | Cause::Deferred)) => Ok(cause),
        Some(Cause::Operator | Cause::Unknown) | None => Err(format!("causes are: {words}")),
    }
}

/// A file or a folder with manifests.
fn manifests_path(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("name a file or a folder below the access repository".to_owned());
    }
    Ok(text.to_owned())
}

/// `FORMAT=FILE`.
fn report_file(text: &str) -> Result<ReportFile, String> {
    let formats = || "FORMAT=FILE, with one of: markdown, html, github, gitlab".to_owned();
    let (format, file) = text.split_once('=').ok_or_else(formats)?;
    let format = ReportFormat::from_str(format, false).map_err(|_| formats())?;
    if file.is_empty() {
        return Err(formats());
    }
    Ok(ReportFile { format, file: PathBuf::from(file) })
}

/// `WORD=STATUS`.
fn status_word(text: &str) -> Result<(String, Status), String> {
    let words = Status::ALL.map(Status::as_str).join(", ");
    let (word, status) = text.split_once('=').ok_or_else(|| format!("WORD=STATUS, with one of: {words}"))?;
    let status = Status::from_word(status).ok_or_else(|| format!("`{status}` is none of: {words}"))?;
    Ok((word.to_owned(), status))
}

#[derive(Debug, Args)]
#[command(after_help = EXPORT)]
pub(super) struct Export {
    /// The file (csv, json; standard output without it) or folder (xlsx) to write, relative to the access repository
    #[arg(long, value_name = "FILE|DIR")]
    pub(super) out: Option<PathBuf>,
    /// What stands between the cells of a list (csv); a list with semicolons begins with a byte-order mark, as
    /// spreadsheets of many European languages open it by a double click
    #[arg(long, value_enum, value_name = "SEPARATOR")]
    pub(super) separator: Option<CellSeparator>,
}

/// What stands between the cells of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum CellSeparator {
    Comma,
    Semicolon,
}

const EXPORT: &str = "--format says what is written. csv: one list, a row for each role. xlsx: templates for \
                      invitations, a file for each user type, role and site. Where a store knows people by a login, \
                      both have a column for it. json: one document with all access \
                      (`rollcall schema export`). The store is read, not the manifests. No file is overwritten, and \
                      either all files are written or none. A cell that a spreadsheet would run as a formula gets a \
                      `'` in front, which import takes away again. What a file can't say is listed, with counts.";

#[derive(Debug, Args)]
pub(super) struct Explain {
    /// A key, a part of one, ORG or ORG/SITE
    #[arg(value_name = "KEY|ORG|ORG/SITE")]
    pub(super) asked: String,
    /// The time of the run instead of now
    #[arg(long, value_name = "TIMESTAMP", value_parser = timestamp)]
    pub(super) at: Option<Timestamp>,
}

#[derive(Debug, Args)]
pub(super) struct Invitations {
    #[command(subcommand)]
    pub(super) command: InvitationCommand,
}

/// What to do with invitations.
#[derive(Debug, Subcommand)]
pub(super) enum InvitationCommand {
    /// Lists every invitation, also ended ones
    List,
    /// Sends an invitation again that is pending or has ended, or one that was held back
    Resend(OneInvitation),
    /// Cancels an invitation that was not accepted; the person is not invited again by itself
    Cancel(OneInvitation),
    /// Accepts a pending invitation, in place of the person or with the token of the mail (embedded stores)
    Accept(Answer),
    /// Declines a pending invitation, in place of the person or with the token of the mail (embedded stores)
    Decline(Answer),
}

#[derive(Debug, Args)]
pub(super) struct OneInvitation {
    /// The key of the user
    pub(super) key: String,
    /// Does not ask; needed where there is no terminal
    #[arg(long)]
    pub(super) yes: bool,
}

#[derive(Debug, Args)]
pub(super) struct Answer {
    /// The key of the user
    #[arg(required_unless_present = "token", conflicts_with = "token")]
    pub(super) key: Option<String>,
    /// Reads the token of the link in the mail from standard input, where no list of processes shows it
    #[arg(long)]
    pub(super) token: bool,
}

#[derive(Debug, Args)]
#[command(after_help = DEACTIVATE)]
pub(super) struct Deactivate {
    /// The key of the user
    pub(super) key: String,
    /// Does not ask; needed where there is no terminal
    #[arg(long)]
    pub(super) yes: bool,
    /// Takes nothing: a `status: active` that was declared before the lock-out counts from now on
    #[arg(long)]
    pub(super) release: bool,
}

const DEACTIVATE: &str = "Deactivates the account, strips it where the store can't deactivate, or cancels its \
                          invitation. No guard that counts people keeps it from that. Later plans do not undo it: \
                          only `status: active` in a manifest lets the person in again, and one that stood there \
                          already waits, until an apply has seen the manifests without it. Declare \
                          `status: inactive` afterwards, so that everybody sees it. Where settings are broken, or the \
                          journal or the store can't be had, the message names the ways around.";

#[derive(Debug, Args)]
#[command(after_help = RESET_PASSWORD)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own on the command line")]
pub(super) struct ResetPassword {
    /// The key of the user
    #[arg(required_unless_present_any = ["all_active", "left_out"], conflicts_with_all = ["all_active", "left_out"])]
    pub(super) key: Option<String>,
    /// All active accounts, where the rules of the store say that they can be reset together
    #[arg(long)]
    pub(super) all_active: bool,
    /// Those alone whom the last `--all-active` has not reached: it was cut off, or they could not be done
    #[arg(long, conflicts_with = "all_active")]
    pub(super) left_out: bool,
    /// With `--all-active`: everybody once more, although the last one has not reached everybody
    #[arg(long, requires = "all_active")]
    pub(super) anew: bool,
    /// Does not ask; needed where there is no terminal
    #[arg(long)]
    pub(super) yes: bool,
}

const RESET_PASSWORD: &str = "The present password stops working at once. By the rules of the store, either a new one \
                              is made and handed once to the sink that rollcall.yaml names (`secrets`), or the person \
                              is mailed how to choose another one. A new password is never printed, logged or \
                              kept. Protected accounts, and the one that rollcall itself uses, are left alone. \
                              `rollcall plan` lists whose password is older than the rules allow.";

#[derive(Debug, Args)]
pub(super) struct RulesArguments {
    #[command(subcommand)]
    pub(super) command: RulesCommand,
}

/// What to do with rule sets.
#[derive(Debug, Subcommand)]
pub(super) enum RulesCommand {
    /// Lists the built-in rule sets
    List,
    /// Prints a built-in rule set with its comments, or, as JSON, what holds for the selected store
    Show {
        /// A built-in rule set; without it the rules of the selected store, all that they extend included
        name: Option<String>,
    },
}

#[derive(Debug, Args)]
pub(super) struct Schema {
    /// The schema to print; without it their names are listed
    #[arg(value_enum)]
    pub(super) name: Option<SchemaName>,
}

/// The schemas there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum SchemaName {
    /// Of rollcall.yaml.
    Settings,
    /// Of manifests.
    Manifest,
    /// Of rule sets.
    Rules,
    /// Of `plan --format json`.
    Plan,
    /// Of `apply --format json`.
    ApplyReport,
    /// Of `reset-password --format json`.
    ResetReport,
    /// Of `export --format json`.
    Export,
}

#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub(super) shell: Shell,
}
