//! What a mail says, and that nothing that somebody wrote into a store becomes more than a text in it.

use insta::assert_snapshot;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use rollcall::mail::Composer;
use rollcall::settings::{Links, Mail, MailLanguage};
use rollcall::store::sqlite::{DueMail, MailReason};

use super::server::Read;
use crate::support::at;

fn due() -> DueMail {
    DueMail {
        reason: MailReason::Invitation(7),
        store: "0123456789abcdef".to_owned(),
        attempts: 0,
        is_begun: false,
        key: "zoe+1@example.com".to_owned(),
        address: Some("zoe+1@example.com".to_owned()),
        name: Some("Zoé Noël".to_owned()),
        language: None,
        sent: Some(at("09:00:00")),
        ends: Some("2026-11-29T09:00:00Z".parse().expect("a time")),
        organizations: vec!["North Quarries".to_owned(), "Œuvres du Sud".to_owned()],
    }
}

fn settings() -> Mail {
    Mail {
        from: "Access desk <access@example.com>".to_owned(),
        contact: Some("help@example.com".to_owned()),
        service: Some("Example Works".to_owned()),
        links: Links {
            accept: Some("https://example.com/accept?t={token}".to_owned()),
            decline: Some("https://example.com/decline?t={token}&who={key}".to_owned()),
            terms: Some("https://example.com/terms".to_owned()),
            password: Some("https://example.com/forgotten?who={key}".to_owned()),
        },
        ..Mail::default()
    }
}

fn paris() -> TimeZone {
    TimeZone::get("Europe/Paris").expect("a zone")
}

fn compose(mail: &Mail, due: &DueMail) -> Vec<u8> {
    let zone = paris();
    let composer = Composer::new(mail, &zone, true).expect("settings that hold");
    composer.compose(due, Some("0a1b2c"), at("10:00:00")).expect("a mail").bytes
}

#[test]
fn an_english_mail_with_links() {
    assert_snapshot!(Read::of(&compose(&settings(), &due())).text(), @r"
    Hello Zoé Noël,

    you are invited to Example Works. Your account: zoe+1@example.com
    It gives you access to:
      - North Quarries
      - Œuvres du Sud

    Accept the invitation:
    https://example.com/accept?t=0a1b2c

    Decline it:
    https://example.com/decline?t=0a1b2c&who=zoe%2B1%40example.com

    The terms:
    https://example.com/terms

    The invitation ends on 2026-11-29 10:00 (Europe/Paris).

    Questions: help@example.com

    If you do not know what this is about, do nothing.
    ");
}

#[test]
fn a_french_mail_with_links() {
    let read = Read::of(&compose(&settings(), &DueMail { language: Some("fr-CA".to_owned()), ..due() }));
    assert_eq!(read.header("Subject"), "Invitation à rejoindre Example Works");
    assert_snapshot!(read.text(), @r"
    Bonjour Zoé Noël,

    vous êtes invité(e) à rejoindre Example Works. Votre compte : zoe+1@example.com
    Il vous donne accès à :
      - North Quarries
      - Œuvres du Sud

    Accepter l'invitation :
    https://example.com/accept?t=0a1b2c

    La refuser :
    https://example.com/decline?t=0a1b2c&who=zoe%2B1%40example.com

    Les conditions d'utilisation :
    https://example.com/terms

    L'invitation expire le 2026-11-29 10:00 (Europe/Paris).

    Questions : help@example.com

    Si vous ne savez pas de quoi il s'agit, ne faites rien.
    ");
}

#[test]
fn without_links_a_mail_says_whom_to_tell_and_which_command_there_is() {
    let mail = Mail { links: Links::default(), service: None, ..settings() };
    assert_snapshot!(Read::of(&compose(&mail, &due())).text(), @r"
    Hello Zoé Noël,

    you are invited. Your account: zoe+1@example.com
    It gives you access to:
      - North Quarries
      - Œuvres du Sud

    To accept the invitation, write to help@example.com.
    An administrator enters your answer with this command:

        rollcall invitations accept 'zoe+1@example.com'

    To decline it, write to help@example.com.
    The command:

        rollcall invitations decline 'zoe+1@example.com'

    The invitation ends on 2026-11-29 10:00 (Europe/Paris).

    Questions: help@example.com

    If you do not know what this is about, do nothing.
    ");
    let nothing_said = Mail { language: MailLanguage::Fr, ..Mail::default() };
    let due = DueMail { name: None, ends: None, organizations: Vec::new(), key: "zoé".to_owned(), ..due() };
    assert_snapshot!(Read::of(&compose(&nothing_said, &due)).text(), @r"
    Bonjour,

    vous êtes invité(e). Votre compte : zoé

    Pour accepter l'invitation, adressez-vous à votre administrateur.
    Un administrateur enregistre votre réponse avec cette commande :

        rollcall invitations accept 'zoé'

    Pour la refuser, adressez-vous à votre administrateur.
    La commande :

        rollcall invitations decline 'zoé'

    Si vous ne savez pas de quoi il s'agit, ne faites rien.
    ");
}

/// What is shown of a key may be less than the key; what is typed never is.
#[test]
fn a_command_has_the_whole_key_or_is_left_out() {
    let mail = Mail { links: Links::default(), ..settings() };
    let text = |key: &str| Read::of(&compose(&mail, &DueMail { key: key.to_owned(), ..due() })).text().to_owned();
    for key in ["two  spaces", &"x".repeat(300)] {
        for answer in ["accept", "decline"] {
            let command = format!("rollcall invitations {answer} {}", rollcall::diagnostic::shell_word(key));
            assert!(text(key).lines().any(|line| line.trim() == command), "{}", text(key));
        }
    }
    let hidden = text("zo\u{200b}e@example.com");
    assert!(
        !hidden.contains("rollcall invitations") && hidden.contains("To accept the invitation, write to"),
        "{hidden}"
    );
}

/// The time of the reason, and that of the attempt where the store has none: never the beginning of all time.
#[test]
fn a_mail_is_dated() {
    let date = |due: &DueMail| Read::of(&compose(&settings(), due)).header("Date").clone();
    let (sent, tried) = (date(&due()), date(&DueMail { sent: None, ..due() }));
    assert!(sent.contains(" 09:00:00 ") && tried.contains(" 10:00:00 ") && !tried.contains("1970"), "{sent} {tried}");
}

#[test]
fn mails_about_a_reset_say_how_to_choose_another_password_and_hold_none() {
    let reset = DueMail { reason: MailReason::Reset(7), ends: None, ..due() };
    let read = Read::of(&compose(&settings(), &reset));
    assert_eq!(read.header("Subject"), "Your password for Example Works was reset");
    assert_eq!(read.header("Message-ID"), "<reset-7-0123456789abcdef@example.com>");
    assert_snapshot!(read.text(), @r"
    Hello Zoé Noël,

    an administrator has reset your password for Example Works.
    The old one does not work any more. Your account: zoe+1@example.com

    Choose another one here:
    https://example.com/forgotten?who=zoe%2B1%40example.com

    Questions: help@example.com

    This mail holds no password, and nobody will ask you for yours.
    ");
    let mail = Mail { links: Links::default(), service: None, ..settings() };
    let french = DueMail { language: Some("fr".to_owned()), name: None, ..reset };
    let read = Read::of(&compose(&mail, &french));
    assert_eq!(read.header("Subject"), "Votre mot de passe a été réinitialisé");
    assert_snapshot!(read.text(), @r"
    Bonjour,

    un administrateur a réinitialisé votre mot de passe.
    L'ancien ne fonctionne plus. Votre compte : zoe+1@example.com

    Pour en choisir un autre, ouvrez la page de connexion et indiquez que vous avez oublié votre mot de passe.

    Questions : help@example.com

    Ce message ne contient aucun mot de passe, et personne ne vous demandera le vôtre.
    ");
}

/// What goes over the wire: names and subjects beyond ASCII are encoded words (RFC 2047), no line of words
/// in a header is longer than that allows, and the body says how it is encoded.
#[test]
fn headers_are_ascii_and_folded_whatever_people_are_called() {
    let organization = "Œuvres et carrières de l'Île-d'Orléans, société coopérative d'intérêt collectif".to_owned();
    let due = DueMail {
        name: Some("Anaïs-Élodie Lefèvre-Kowalczyńska de la Sainte-Geneviève-des-Bois, 名前".to_owned()),
        language: Some("fr".to_owned()),
        organizations: vec![organization.clone()],
        ..due()
    };
    let mail = Mail { service: None, from: "Accès — Œuvres <access@example.com>".to_owned(), ..settings() };
    for reason in [MailReason::Invitation(7), MailReason::Reset(7)] {
        let bytes = compose(&mail, &DueMail { reason, ..due.clone() });
        let text = String::from_utf8(bytes.clone()).expect("text");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.is_ascii(), "{head}");
        // An address stays beside the last word of the name.
        let folded = |line: &str| line.split(" <").next().is_none_or(|words| words.len() <= 76);
        assert!(head.lines().all(folded), "{head}");
        let encoding = head.lines().find_map(|line| line.strip_prefix("Content-Transfer-Encoding: "));
        assert!(matches!(encoding, Some("quoted-printable" | "base64")) && body.is_ascii(), "{encoding:?} {body}");
        assert!(body.lines().all(|line| line.len() <= 78), "{body}");
        let read = Read::of(&bytes);
        let name = due.name.as_deref().expect("a name");
        assert_eq!(read.document["to_words"], format!("{name} <zoe+1@example.com>"));
        assert_eq!(read.document["to"][0][1], "zoe+1@example.com");
        assert!(read.header("Subject").contains(&organization), "{read:?}");
        assert_eq!(read.header("From"), "Accès — Œuvres <access@example.com>");
        assert_eq!(read.header("Auto-Submitted"), "auto-generated");
        assert_eq!(read.document["defects"], serde_json::json!([]));
    }
}

#[test]
fn headers_are_what_mail_programs_expect() {
    let read = Read::of(&compose(&settings(), &due()));
    assert_eq!(read.header("From"), "Access desk <access@example.com>");
    assert_eq!(read.header("To"), "Zoé Noël <zoe+1@example.com>");
    assert_eq!(read.header("Reply-To"), "help@example.com");
    assert_eq!(read.header("Subject"), "You are invited to Example Works");
    assert_eq!(read.header("Message-ID"), "<invitation-7-0123456789abcdef@example.com>");
    assert_eq!(read.header("Auto-Submitted"), "auto-generated");
    assert_eq!(read.document["date"], "2026-11-22T09:00:00+00:00");
    assert_eq!(read.document["type"], "text/plain");
    assert_eq!(read.document["defects"], serde_json::json!([]));
}

#[test]
fn one_reason_is_one_mail_and_another_one_is_another_mail() {
    assert_eq!(compose(&settings(), &due()), compose(&settings(), &due()));
    let id = |due: &DueMail| Read::of(&compose(&settings(), due)).header("Message-ID");
    let other = [
        due(),
        DueMail { reason: MailReason::Invitation(8), ..due() },
        DueMail { reason: MailReason::Reset(7), ..due() },
        DueMail { store: "another".to_owned(), ..due() },
    ];
    let ids: std::collections::BTreeSet<String> = other.iter().map(id).collect();
    assert_eq!(ids.len(), other.len(), "{ids:?}");
    assert_eq!(id(&DueMail { attempts: 3, ..due() }), id(&due()), "an attempt is no reason");
}

#[test]
fn the_language_is_that_of_the_user_where_it_is_one_of_ours() {
    let french = Mail { language: MailLanguage::Fr, ..settings() };
    for (language, by_english, by_french) in [
        (None, "Hello", "Bonjour"),
        (Some("fr"), "Bonjour", "Bonjour"),
        (Some("FR_ca"), "Bonjour", "Bonjour"),
        (Some("en-GB"), "Hello", "Hello"),
        (Some("ja"), "Hello", "Bonjour"),
        (Some("french"), "Hello", "Bonjour"),
    ] {
        let due = DueMail { language: language.map(str::to_owned), ..due() };
        for (mail, greeting) in [(&settings(), by_english), (&french, by_french)] {
            let text = Read::of(&compose(mail, &due)).text().to_owned();
            assert!(text.starts_with(greeting), "{language:?}: {text}");
        }
    }
}

#[test]
fn what_is_no_address_gets_no_mail() {
    let (mail, zone) = (settings(), paris());
    let composer = Composer::new(&mail, &zone, true).expect("settings that hold");
    for address in [
        None,
        Some(""),
        Some("zoe"),
        Some("@example.com"),
        Some("zoe@"),
        Some("zoe@example.com\r\nBcc: eve@example.com"),
        Some("zoe@example.com\nRCPT TO:<eve@example.com>"),
        Some("zoe@example.com,eve@example.com"),
        Some("zoe@example.com> SIZE=1\r\nRCPT TO:<eve@example.com"),
        Some("zoe\u{202e}@example.com"),
        Some("zoe @example.com"),
        Some("zoe@exam ple.com"),
        Some("zoe\0@example.com"),
    ] {
        let due = DueMail { address: address.map(str::to_owned), ..due() };
        let why = composer.compose(&due, None, at("10:00:00")).expect_err("no mail").to_string();
        assert!(why.contains("no e-mail address"), "{address:?}: {why}");
        assert!(!why.contains(['\r', '\n', '\0']), "{why:?}");
    }
    let beyond = DueMail { address: Some("zoé@bücher.example".to_owned()), ..due() };
    let letter = composer.compose(&beyond, None, at("10:00:00")).expect("a mail");
    assert_eq!(AsRef::<str>::as_ref(&letter.envelope.to()[0]), "zoé@xn--bcher-kva.example");
}

/// The names of the headers, and the text after them; every line of a mail has to end as lines of mails do.
fn parts(bytes: &[u8]) -> (Vec<String>, String) {
    let text = String::from_utf8(bytes.to_vec()).expect("text");
    let without_breaks = text.replace("\r\n", "");
    assert!(!without_breaks.contains(['\r', '\n']), "a lone line break in {text:?}");
    assert!(text.split("\r\n").all(|line| line.len() <= 998), "a line that is too long: {text}");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
    let names = head.split("\r\n").filter(|line| !line.starts_with([' ', '\t']));
    (names.map(|line| line.split(':').next().unwrap_or_default().to_owned()).collect(), body.to_owned())
}

const HEADERS: [&str; 10] = [
    "Reply-To",
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
];

fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("\r\nBcc: eve@example.com".to_owned()),
        Just("Zoé\r\n\r\nbody".to_owned()),
        Just("\u{202e}moc.elpmaxe@eve".to_owned()),
        Just("=cmd()".to_owned()),
        Just("=?utf-8?q?=0D=0ABcc:_eve=40example.com?=".to_owned()),
        Just("\"Eve\" <eve@example.com>,".to_owned()),
        Just(".\r\nQUIT\r\n".to_owned()),
        Just("\u{1b}[31mred\u{7}".to_owned()),
        Just("x".repeat(5_000)),
        Just("é".repeat(500)),
        any::<String>(),
        proptest::collection::vec(prop_oneof![Just('\r'), Just('\n'), Just(':'), Just('.'), any::<char>()], 0..40)
            .prop_map(String::from_iter),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Whatever stands in a store: the same headers, one recipient, and not a single control in what is shown.
    #[test]
    fn no_text_of_a_store_is_more_than_a_text(
        name in proptest::option::of(hostile()),
        key in hostile(),
        organizations in proptest::collection::vec(hostile(), 0..3),
        language in proptest::option::of(hostile()),
        store in hostile(),
        has_service in any::<bool>(),
        has_links in any::<bool>(),
    ) {
        let mail = if has_service { settings() } else { Mail { service: None, ..settings() } };
        let mail = if has_links { mail } else { Mail { links: Links::default(), ..mail } };
        let due = DueMail { name, key, organizations, language, store, ..due() };
        let zone = paris();
        let composer = Composer::new(&mail, &zone, true).expect("settings");
        let letter = composer.compose(&due, Some("0a1b"), at("10:00:00")).expect("a mail");
        let to: Vec<&str> = letter.envelope.to().iter().map(AsRef::as_ref).collect();
        prop_assert_eq!(to, ["zoe+1@example.com"]);
        let (names, body) = parts(&letter.bytes);
        prop_assert_eq!(names, HEADERS, "{}", String::from_utf8_lossy(&letter.bytes));
        prop_assert!(!body.contains(['\u{1b}', '\u{7}', '\0', '\u{202e}']), "{}", body);
    }
}

/// The same, read by a mail program.
#[test]
fn a_mail_program_shows_hostile_names_as_names() {
    for name in
        ["\r\nBcc: eve@example.com", "\u{202e}evil", "=cmd()", "\"Eve\" <eve@example.com>,", "Ève; \"la\" (vraie)"]
    {
        let due = DueMail { name: Some(name.to_owned()), organizations: vec![name.to_owned()], ..due() };
        let read = Read::of(&compose(&Mail { service: None, ..settings() }, &due));
        assert_eq!(read.document["to"][0][1], "zoe+1@example.com", "{name:?}: {read:?}");
        assert_eq!(read.document["to"].as_array().map(Vec::len), Some(1), "{name:?}: {read:?}");
        assert_eq!(read.document["headers"].as_array().map(Vec::len), Some(HEADERS.len()), "{name:?}: {read:?}");
        assert!(!read.text().contains('\u{202e}'), "{read:?}");
    }
}
