//! `rollcall explain`: who may do what, and which lines say so.

use super::access::{Access, Lines};
use super::edge;
use super::exit::{Exit, Failure};
use super::lock_outs;
use super::options::{Explain, Global};
use super::printer::Printer;
use crate::diagnostic::mask;
use crate::plan::{Asked, ExplainDocument, Scene, asked, explain_place, explain_user, likely};
use crate::report::{explained_place, explained_user, not_found};

pub(super) fn run(global: &Global, arguments: &Explain, printer: &Printer) -> Result<Exit, Failure> {
    let Explain { asked: text, at } = arguments;
    let access = Access::load_for_manifests(global, printer)?;
    let mut declared = access.declared(global, printer)?;
    let runtime = edge::runtime()?;
    let (info, live) = runtime.block_on(access.live(&mut declared.names, printer))?;
    let lock_outs = lock_outs::known(&access, &info, &live, &mut declared.names)?;
    let (desired, names, lines) = (&declared.desired, &declared.names, Lines::new(&declared.sources));
    let scene = Scene { desired, live: Some(&live), names, lock_outs: &lock_outs, at: edge::now(*at) };
    let style = (&access.settings.time_zone, printer.style());
    let found = asked(text, desired, Some(&live), names, &access.rules().identity);
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
        let mut is_known = true;
        if found.is_empty() {
            (document.likely, is_known) = likely(text, desired, Some(&live), names);
        }
        printer.json(&document);
        return Ok(if is_known { Exit::Done } else { Exit::Failed });
    }
    if found.is_empty() {
        // What was typed in part is found by that part; what is only like something is unknown.
        let (likely, is_part) = likely(text, desired, Some(&live), names);
        printer.result(&not_found(&mask(text), &likely));
        return Ok(if is_part { Exit::Done } else { Exit::Failed });
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
