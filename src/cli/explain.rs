//! `rollcall explain`: who may do what, and which lines say so.

use super::access::{Access, Lines};
use super::edge;
use super::exit::{Exit, Failure};
use super::lock_outs;
use super::options::{Explain, Global};
use super::printer::Printer;
use crate::diagnostic::mask;
use crate::plan::{Asked, ExplainDocument, Likely, Scene, asked, explain_place, explain_user, has_invalid_key, likely};
use crate::report::{explained_place, explained_user, found_by_part, invalid_key, not_found};

pub(super) fn run(global: &Global, arguments: &Explain, printer: &Printer) -> Result<Exit, Failure> {
    let Explain { asked: text, at } = arguments;
    let access = Access::load_for_manifests(global, printer)?;
    let mut declared = access.declared(global, printer)?;
    let runtime = edge::runtime()?;
    let (info, live) = runtime.block_on(access.live(&mut declared.names, printer))?;
    let lock_outs = lock_outs::known(&access, &info, &live, &mut declared.names)?;
    for name in access.rules().open_when_empty() {
        // Nobody may have it, and then everybody sees everything.
        declared.names.intern(&format!("attributes.{name}"));
    }
    let (desired, names, lines) = (&declared.desired, &declared.names, Lines::new(&declared.sources));
    let (rules, at) = (access.rules(), edge::now(*at));
    let scene = Scene { desired, live: Some(&live), names, rules, lock_outs: &lock_outs, at };
    let style = (&access.settings.time_zone, printer.style());
    let mut found = asked(text, desired, Some(&live), names, &rules.identity);
    // What was typed in part is found by that part; what is only like something is unknown.
    let near = if found.is_empty() { likely(text, desired, Some(&live), names) } else { Likely::default() };
    let is_part = near.contains || !found.is_empty();
    let by_part = near.found.first().filter(|_| near.contains && near.found.len() == 1);
    if let Some(only) = by_part {
        found = asked(only, desired, Some(&live), names, &rules.identity);
    }
    if printer.is_json() {
        let mut document = ExplainDocument::new(&mask(text));
        for &asked in &found {
            match asked {
                Asked::User(identity) => {
                    if let Some(user) = explain_user(scene, identity) {
                        document.push_user(&user, names, &lines);
                    }
                }
                Asked::Organization(organization) => {
                    document.push_place(&explain_place(scene, organization, None), names, &lines);
                }
                Asked::Site(organization, site) => {
                    let holders = explain_place(scene, organization, Some(site));
                    document.push_place(&holders, names, &lines);
                }
            }
        }
        document.likely = near.found;
        document.likely_more = near.more;
        printer.json(&document);
        return Ok(if is_part { Exit::Done } else { Exit::Failed });
    }
    if found.is_empty() {
        if has_invalid_key(text, &live, names) {
            printer.result(&invalid_key(&mask(text)));
            return Ok(Exit::Done);
        }
        printer.result(&not_found(&mask(text), &near));
        return Ok(if is_part { Exit::Done } else { Exit::Failed });
    }
    if let Some(only) = by_part {
        printer.result(&found_by_part(&mask(text), only));
    }
    for asked in found {
        let text = match asked {
            Asked::User(identity) => explain_user(scene, identity)
                .map(|explanation| explained_user(&explanation, names, &lines, style))
                .unwrap_or_default(),
            Asked::Organization(organization) => {
                let holders = explain_place(scene, organization, None);
                explained_place(&holders, names, &lines, style)
            }
            Asked::Site(organization, site) => {
                let holders = explain_place(scene, organization, Some(site));
                explained_place(&holders, names, &lines, style)
            }
        };
        printer.result(&text);
    }
    Ok(Exit::Done)
}
