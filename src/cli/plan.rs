//! `rollcall plan`: what would change. It opens the store for reading only, so it can't write (law 7).

use super::access::Access;
use super::edge;
use super::exit::{Exit, Failure};
use super::journal;
use super::options::{Global, Plan};
use super::printer::Printer;
use super::show::show;

pub(super) fn run(global: &Global, arguments: &Plan, printer: &Printer) -> Result<Exit, Failure> {
    let mut access = Access::load(global, printer)?;
    access.target.clone_from(&arguments.target);
    let mut declared = access.declared(global, printer)?;
    let runtime = edge::runtime()?;
    let glance = journal::glance(&access.repository, &access.store_name, printer)?;
    let done = journal::done_unseen(&access, printer)?;
    let (info, live) = runtime.block_on(access.live(&mut declared.names, printer))?;
    journal::check_store(&access, glance.and_then(|glance| glance.store).as_deref(), &info.id)?;
    let plan = access.plan(&declared, &info, &live, edge::now(arguments.at), printer)?;
    if let Some(why) = journal::invited_twice(&declared.names, &plan, &done) {
        printer.warning(&why);
    }
    show(printer, &declared, &plan, Some(&apply_command(global, arguments)));
    Ok(match (plan.gaps.is_empty(), plan.actions.is_empty()) {
        (false, _) => Exit::Failed,
        (true, false) if arguments.detailed_exitcode => Exit::Changes,
        (true, _) => Exit::Done,
    })
}

/// The command that applies what was planned with these options.
fn apply_command(global: &Global, arguments: &Plan) -> String {
    let mut words = vec!["rollcall".to_owned()];
    let repository = global.repository.to_string_lossy();
    if repository != "." {
        words.extend(["-C".to_owned(), quoted(&repository)]);
    }
    words.push("apply".to_owned());
    words.extend(arguments.target.iter().flat_map(|key| ["--target".to_owned(), quoted(key)]));
    words.extend(global.store.iter().flat_map(|store| ["--store".to_owned(), quoted(store)]));
    words.extend(global.manifests.iter().flat_map(|path| ["--manifests".to_owned(), quoted(path)]));
    words.join(" ")
}

/// A word as a shell needs it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-/@".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}
