//! `rollcall export`: the people of the store, with their access, in files of other programs.

use std::path::Path;

use jiff::Timestamp;

use super::access::Access;
use super::edge;
use super::exit::{Exit, Failure, advised};
use super::files::{in_repository, write_all_new};
use super::import::{all_in_scope, tell_left_out};
use super::options::{CellSeparator, Export, Format, Global};
use super::printer::Printer;
use crate::exchange::{self, Days, Exported, Separator, Template};
use crate::model::{LiveState, Names};
use crate::plan::StoreDocument;
use crate::report::count;
use crate::store::Info;

pub(super) fn run(global: &Global, arguments: &Export, printer: &Printer) -> Result<Exit, Failure> {
    let access = Access::load(global, printer)?;
    let out = arguments.out.as_deref();
    match (global.format, out) {
        (Format::Text, _) => {
            let why = "say in which format: --format csv, xlsx or json";
            return Err(Failure::invalid(anyhow::anyhow!(why)));
        }
        (Format::Xlsx, None) => {
            let help = "name the folder to write them into with --out DIR";
            return Err(Failure::invalid(advised("there may be several files", help)));
        }
        (
            Format::Csv
            | Format::Xlsx
            | Format::Json
            | Format::Markdown
            | Format::Html
            | Format::Github
            | Format::Gitlab,
            _,
        ) => {}
    }
    if arguments.separator.is_some() && global.format != Format::Csv {
        return Err(Failure::invalid(advised("--separator is for --format csv", "leave it out")));
    }
    let mut names = Names::new();
    let (info, live) = all_in_scope(&access, &mut names, printer)?;
    let export = Read { access: &access, names: &names, info: &info, live: &live, printer };
    match (global.format, out) {
        (Format::Xlsx, Some(folder)) => export.templates(folder)?,
        (Format::Csv, out) => export.list(out, arguments.separator)?,
        (_, out) => export.document(out)?,
    }
    Ok(Exit::Done)
}

/// What was read, and where to print.
struct Read<'a> {
    access: &'a Access,
    names: &'a Names,
    info: &'a Info,
    live: &'a LiveState,
    printer: &'a Printer,
}

impl Read<'_> {
    fn list(&self, out: Option<&Path>, separator: Option<CellSeparator>) -> Result<(), Failure> {
        let separator = match separator {
            Some(CellSeparator::Comma) | None => Separator::Comma,
            Some(CellSeparator::Semicolon) => Separator::Semicolon,
        };
        let made =
            exchange::csv(self.names, self.access.rules(), self.live, (&self.days()?, edge::now(None)), separator);
        let Exported { content, left_out } = made;
        match out {
            None => self.printer.file(&String::from_utf8_lossy(&content)),
            Some(out) => {
                let left_out = left_out.iter().filter(|left_out| left_out.kind == "user").count();
                self.write(out, &content, self.live.len() - left_out)?;
            }
        }
        tell_left_out(&left_out, self.printer);
        Ok(())
    }

    fn document(&self, out: Option<&Path>) -> Result<(), Failure> {
        let store = StoreDocument::from(self.access.store_ref(self.info));
        let document = exchange::document(self.names, self.access.rules(), self.live, store, &self.days()?);
        let Some(out) = out else {
            self.printer.json(&document);
            return Ok(());
        };
        let mut bytes = serde_json::to_vec_pretty(&document).map_err(Failure::failed)?;
        bytes.push(b'\n');
        self.write(out, &bytes, self.live.len())
    }

    fn templates(&self, out: &Path) -> Result<(), Failure> {
        let made = exchange::workbooks(self.names, self.access.rules(), self.live);
        let Exported { content, left_out } = made.map_err(Failure::failed)?;
        let files = content.iter().map(|template| (template.name.as_str(), template.bytes.as_slice()));
        write_all_new(&in_repository(&self.access.repository, out)?, files).map_err(Failure::failed)?;
        for Template { name, bytes: _, user_type, role, organization, site, people } in &content {
            let of = |word: &str, text: &Option<String>| text.as_ref().map(|text| format!(", {word} `{text}`"));
            let parts = [of("user type", user_type), of("role", role), of("site", site)].map(Option::unwrap_or_default);
            let people = count(*people, "person", "people");
            let path = out.join(name);
            self.printer.note(&format!(
                "{}: {people}, organization `{organization}`{}",
                path.display(),
                parts.concat()
            ));
        }
        tell_left_out(&left_out, self.printer);
        Ok(())
    }

    fn write(&self, out: &Path, bytes: &[u8], people: usize) -> Result<(), Failure> {
        let path = in_repository(&self.access.repository, out)?;
        let (folder, name) = (path.parent(), path.file_name().and_then(|name| name.to_str()));
        let (Some(folder), Some(name)) = (folder, name) else {
            return Err(Failure::invalid(anyhow::anyhow!("`{}` names no file", out.display())));
        };
        write_all_new(folder, [(name, bytes)]).map_err(Failure::failed)?;
        let people = count(people, "account", "accounts");
        self.printer.note(&format!("{people} written to {}", out.display()));
        Ok(())
    }

    /// The days on which accounts were made, in the time zone of the settings. One that is no time is not told.
    fn days(&self) -> Result<Days, Failure> {
        let zone = &self.access.settings.time_zone;
        let day = |time: &str| {
            let time = time.parse::<Timestamp>().or_else(|_| format!("{time}Z").parse()).ok()?;
            Some(time.to_zoned(zone.clone()).date().to_string())
        };
        let made = self.access.reader(self.printer)?.creation_times()?;
        Ok(made.into_iter().filter_map(|(key, time)| Some((key, day(&time)?))).collect())
    }
}
