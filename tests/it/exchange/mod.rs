//! People in files of other programs: lists (CSV) and templates for invitations (spreadsheets), both ways.

mod commands;
mod hostile;
mod laws;
mod list;
mod loops;
mod others;
mod round_trips;
mod template;

use rollcall::exchange::{Batch, Known, ListOptions, Refused, read_csv, read_xlsx};
use rollcall::plan::Places;
use rollcall::rules::Rules;

fn rules(name: &str) -> Rules {
    Rules::built_in(name).expect("a built-in rule set")
}

/// The manifests of a list under the rules `alteia`, one after the other.
fn list(text: &str) -> String {
    list_with(text.as_bytes(), &ListOptions::default()).unwrap_or_else(|told| panic!("{told:#?}"))
}

/// The manifests of a list, or its mistakes as `line:column code message`.
fn list_with(bytes: &[u8], options: &ListOptions) -> Result<String, Vec<String>> {
    let imported = read_csv(&rules("alteia"), "people.csv", bytes, options, &Known::default())
        .map_err(|refused| told(&refused))?;
    Ok(imported.written.files.into_iter().map(|(_, text)| text).collect())
}

fn mistakes(text: &str) -> Vec<String> {
    list_with(text.as_bytes(), &ListOptions::default()).expect_err("mistakes")
}

fn batch() -> Batch {
    Batch {
        user_type: Some("employee".to_owned()),
        role: Some("verifier".to_owned()),
        organization: "acme".to_owned(),
        site: Some("main".to_owned()),
        is_sent: true,
        sheet: None,
    }
}

fn template_with(bytes: &[u8], batch: &Batch) -> Result<String, Vec<String>> {
    let imported = read_xlsx(&rules("credivera"), "people.xlsx", bytes, batch, &Known::default())
        .map_err(|refused| told(&refused))?;
    Ok(imported.written.files.into_iter().map(|(_, text)| text).collect())
}

fn told(refused: &Refused) -> Vec<String> {
    let tell = |found: &rollcall::diagnostic::Diagnostic| {
        let place = found.primary.as_ref().map(|label| {
            let (file, line, column) = refused.place(label.span.start);
            format!("{file}:{line}:{column} ")
        });
        assert!(found.help.is_some() || found.message.contains("more of"), "advice: {found:?}");
        format!("{}{} {}", place.unwrap_or_default(), found.code.as_str(), found.message)
    };
    refused.diagnostics.iter().map(tell).collect()
}

/// Whether one of the mistakes holds this text.
#[track_caller]
fn tells(told: &[String], text: &str) {
    assert!(told.iter().any(|told| told.contains(text)), "{text}\n{told:#?}");
}
