//! What mails about the reset of a password say, in English and in French. None of them holds a password, or a link that
//! opens anything by itself.

use std::fmt::Write as _;

use crate::settings::MailLanguage;

/// What a mail is made of; every text is one line and harmless.
pub(super) struct ResetWords<'a> {
    /// The name of the person.
    pub(super) name: Option<&'a str>,
    /// The key of the person.
    pub(super) key: &'a str,
    /// What the account belongs to.
    pub(super) service: Option<&'a str>,
    /// Where another password is chosen.
    pub(super) choose: Option<&'a str>,
    /// The address to write to.
    pub(super) contact: Option<&'a str>,
}

pub(super) fn subject(language: MailLanguage, service: Option<&str>) -> String {
    match (language, service) {
        (MailLanguage::En, None) => "Your password was reset".to_owned(),
        (MailLanguage::En, Some(service)) => format!("Your password for {service} was reset"),
        (MailLanguage::Fr, None) => "Votre mot de passe a été réinitialisé".to_owned(),
        (MailLanguage::Fr, Some(service)) => format!("Votre mot de passe pour {service} a été réinitialisé"),
    }
}

/// The phrases of a mail in one language.
struct Phrases {
    hello: &'static str,
    ended: &'static str,
    of: &'static str,
    account: &'static str,
    choose: &'static str,
    forgotten: &'static str,
    questions: &'static str,
    otherwise: &'static str,
}

const ENGLISH: Phrases = Phrases {
    hello: "Hello",
    ended: "an administrator has reset your password",
    of: "for",
    account: "The old one does not work any more. Your account:",
    choose: "Choose another one here:",
    forgotten: "To choose another one, open the login page and say that you have forgotten your password.",
    questions: "Questions:",
    otherwise: "This mail holds no password, and nobody will ask you for yours.",
};

const FRENCH: Phrases = Phrases {
    hello: "Bonjour",
    ended: "un administrateur a réinitialisé votre mot de passe",
    of: "pour",
    account: "L'ancien ne fonctionne plus. Votre compte :",
    choose: "Choisissez-en un autre ici :",
    forgotten: "Pour en choisir un autre, ouvrez la page de connexion et indiquez que vous avez oublié votre mot de passe.",
    questions: "Questions :",
    otherwise: "Ce message ne contient aucun mot de passe, et personne ne vous demandera le vôtre.",
};

pub(super) fn body(language: MailLanguage, words: &ResetWords<'_>) -> String {
    let phrases = match language {
        MailLanguage::En => ENGLISH,
        MailLanguage::Fr => FRENCH,
    };
    let ResetWords { name, key, service, choose, contact } = words;
    let mut text = phrases.hello.to_owned();
    text.extend(name.iter().flat_map(|name| [" ", name]));
    let _ = write!(text, ",\n\n{}", phrases.ended);
    text.extend(service.iter().flat_map(|service| [" ", phrases.of, " ", service]));
    let _ = writeln!(text, ".\n{} {key}\n", phrases.account);
    let _ = match choose {
        Some(link) => writeln!(text, "{}\n{link}\n", phrases.choose),
        None => writeln!(text, "{}\n", phrases.forgotten),
    };
    if let Some(contact) = contact {
        let _ = writeln!(text, "{} {contact}\n", phrases.questions);
    }
    let _ = writeln!(text, "{}", phrases.otherwise);
    text
}
