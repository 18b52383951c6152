//! What mails about invitations say, in English and in French.

use std::fmt::Write as _;

use crate::diagnostic::shell_word;
use crate::settings::MailLanguage;

/// What a mail is made of; every text is one line and harmless.
pub(super) struct Words<'a> {
    /// The name of the person.
    pub(super) name: Option<&'a str>,
    /// The key of the person.
    pub(super) key: &'a str,
    /// The key as it is, for commands; `None` where nobody could type it.
    pub(super) typed_key: Option<&'a str>,
    /// What people are invited to.
    pub(super) service: Option<&'a str>,
    /// Organizations that the person belongs to.
    pub(super) organizations: &'a [String],
    /// When the invitation ends.
    pub(super) ends: Option<&'a str>,
    /// Where it is accepted.
    pub(super) accept: Option<&'a str>,
    /// Where it is declined.
    pub(super) decline: Option<&'a str>,
    /// Whether it can be declined at all.
    pub(super) can_decline: bool,
    /// Where the terms can be read.
    pub(super) terms: Option<&'a str>,
    /// The address to write to.
    pub(super) contact: Option<&'a str>,
}

/// So many organizations are named; more are counted.
const MOST_ORGANIZATIONS: usize = 10;

/// The language of a person: by the first part of its tag (RFC 5646), else the one of the settings.
pub(super) fn language(tag: Option<&str>, fallback: MailLanguage) -> MailLanguage {
    let primary = tag.map(|tag| tag.trim().split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase());
    match primary.as_deref() {
        Some("en") => MailLanguage::En,
        Some("fr") => MailLanguage::Fr,
        Some(_) | None => fallback,
    }
}

pub(super) fn subject(language: MailLanguage, service: Option<&str>) -> String {
    match (language, service) {
        (MailLanguage::En, None) => "You are invited".to_owned(),
        (MailLanguage::En, Some(service)) => format!("You are invited to {service}"),
        (MailLanguage::Fr, None) => "Vous êtes invité(e)".to_owned(),
        (MailLanguage::Fr, Some(service)) => format!("Invitation à rejoindre {service}"),
    }
}

/// The phrases of a mail in one language.
struct Phrases {
    hello: &'static str,
    invited: &'static str,
    to: &'static str,
    account: &'static str,
    gives: &'static str,
    more: &'static str,
    accept: &'static str,
    decline: &'static str,
    terms: &'static str,
    tell_administrator: &'static str,
    write_to: &'static str,
    to_accept: &'static str,
    to_decline: &'static str,
    entered_with: &'static str,
    command: &'static str,
    ends: &'static str,
    questions: &'static str,
    otherwise: &'static str,
}

const ENGLISH: Phrases = Phrases {
    hello: "Hello",
    invited: "you are invited",
    to: "to",
    account: "Your account:",
    gives: "It gives you access to:",
    more: "more",
    accept: "Accept the invitation:",
    decline: "Decline it:",
    terms: "The terms:",
    tell_administrator: "tell your administrator",
    write_to: "write to",
    to_accept: "To accept the invitation",
    to_decline: "To decline it",
    entered_with: "An administrator enters your answer with this command:",
    command: "The command:",
    ends: "The invitation ends on",
    questions: "Questions:",
    otherwise: "If you do not know what this is about, do nothing.",
};

const FRENCH: Phrases = Phrases {
    hello: "Bonjour",
    invited: "vous êtes invité(e)",
    to: "à rejoindre",
    account: "Votre compte :",
    gives: "Il vous donne accès à :",
    more: "de plus",
    accept: "Accepter l'invitation :",
    decline: "La refuser :",
    terms: "Les conditions d'utilisation :",
    tell_administrator: "adressez-vous à votre administrateur",
    write_to: "écrivez à",
    to_accept: "Pour accepter l'invitation",
    to_decline: "Pour la refuser",
    entered_with: "Un administrateur enregistre votre réponse avec cette commande :",
    command: "La commande :",
    ends: "L'invitation expire le",
    questions: "Questions :",
    otherwise: "Si vous ne savez pas de quoi il s'agit, ne faites rien.",
};

pub(super) fn body(language: MailLanguage, words: &Words<'_>) -> String {
    let phrases = match language {
        MailLanguage::En => ENGLISH,
        MailLanguage::Fr => FRENCH,
    };
    let Words { name, key, typed_key, service, organizations, ends, accept, decline, can_decline, terms, contact } =
        words;
    let mut text = phrases.hello.to_owned();
    text.extend(name.iter().flat_map(|name| [" ", name]));
    let _ = write!(text, ",\n\n{}", phrases.invited);
    text.extend(service.iter().flat_map(|service| [" ", phrases.to, " ", service]));
    let _ = writeln!(text, ". {} {key}", phrases.account);
    list(&mut text, &phrases, organizations);
    text.push('\n');
    let tell = match contact {
        Some(contact) => format!("{} {contact}", phrases.write_to),
        None => phrases.tell_administrator.to_owned(),
    };
    if let Some(link) = accept {
        add_link(&mut text, phrases.accept, link);
    } else {
        let _ = writeln!(text, "{}, {tell}.", phrases.to_accept);
        add_command(&mut text, phrases.entered_with, "accept", *typed_key);
    }
    match decline {
        _ if !can_decline => {}
        Some(link) => add_link(&mut text, phrases.decline, link),
        None => {
            let _ = writeln!(text, "{}, {tell}.", phrases.to_decline);
            add_command(&mut text, phrases.command, "decline", *typed_key);
        }
    }
    if let Some(link) = terms {
        add_link(&mut text, phrases.terms, link);
    }
    if let Some(ends) = ends {
        let _ = writeln!(text, "{} {ends}.\n", phrases.ends);
    }
    if let Some(contact) = contact {
        let _ = writeln!(text, "{} {contact}\n", phrases.questions);
    }
    let _ = writeln!(text, "{}", phrases.otherwise);
    text
}

/// What the administrator of an embedded store runs in place of the person.
fn add_command(text: &mut String, label: &str, answer: &str, key: Option<&str>) {
    let _ = match key {
        Some(key) => writeln!(text, "{label}\n\n    rollcall invitations {answer} {}\n", shell_word(key)),
        None => writeln!(text),
    };
}

/// A link stands on a line of its own, where every mail program finds its end.
fn add_link(text: &mut String, label: &str, link: &str) {
    let _ = writeln!(text, "{label}\n{link}\n");
}

fn list(text: &mut String, phrases: &Phrases, items: &[String]) {
    if items.is_empty() {
        return;
    }
    let _ = writeln!(text, "{}", phrases.gives);
    for item in items.iter().take(MOST_ORGANIZATIONS) {
        let _ = writeln!(text, "  - {item}");
    }
    if items.len() > MOST_ORGANIZATIONS {
        let _ = writeln!(text, "  - … ({} {})", items.len() - MOST_ORGANIZATIONS, phrases.more);
    }
}
