//! Mistakes in `mail` that no shape can say: addresses, links, and a password that would go out in the clear.

use std::net::IpAddr;
use std::path::PathBuf;

use lettre::message::Mailbox;

use super::check::{Found, has_unseen};
use super::mail::{Links, Mail, MailTransport, OUTBOX};
use super::paths::refuse_outbox;
use super::raw::{RawLinks, RawMail, Smtp, SmtpTls};

/// No server needs longer for one step (RFC 5321, section 4.5.3.2).
const LONGEST_TIMEOUT: i64 = 600;

/// What stands for something else in a link.
const PLACEHOLDERS: [&str; 2] = ["{token}", "{key}"];

pub(super) fn check_mail(raw: RawMail, manifests: &[String], found: &mut Found<'_>) -> Option<Mail> {
    let RawMail { from, outbox, smtp, contact, service, language, language_field, links } = raw;
    let transport = match (outbox, smtp) {
        (Some(_), Some(_)) => {
            found.add(&["mail"], "mail goes either to a folder or to a server", "name one of `outbox` and `smtp`");
            None
        }
        (None, Some(smtp)) => {
            check_smtp(&smtp, found);
            Some(MailTransport::Smtp(smtp))
        }
        (folder, None) => {
            let folder = folder.unwrap_or_else(|| OUTBOX.to_owned());
            if folder.is_empty() || has_unseen(&folder) {
                let message = format!("`{}` is no path", folder.escape_debug());
                found.add(&["mail", "outbox"], message, format!("name a folder, such as `{OUTBOX}`"));
            } else if let Some((why, help)) = refuse_outbox(&folder, manifests) {
                found.add(&["mail", "outbox"], format!("`{}` {why}", folder.escape_debug()), help);
            }
            Some(MailTransport::Outbox(PathBuf::from(folder)))
        }
    };
    match &from {
        None => {
            let help = "add `from: access@example.com`";
            found.add(&["mail", "from"], "mail needs the address that it comes from", help);
        }
        Some(from) => check_address("from", from, found),
    }
    if let Some(contact) = &contact {
        check_address("contact", contact, found);
    }
    if service.as_deref().is_some_and(|service| service.trim().is_empty() || has_unseen(service)) {
        let help = "write a name in one line, or take `service` out";
        found.add(&["mail", "service"], "this is no name of a service", help);
    }
    let language_attribute = language_field.filter(|field| field != "language");
    if language_attribute.as_deref().is_some_and(|field| !is_attribute(field)) {
        let help = "write `language`, or `attributes.NAME`";
        found.add(&["mail", "language_field"], "this is no field that says a language", help);
    }
    let RawLinks { accept, decline, terms, password } = links;
    let named = [("accept", &accept), ("decline", &decline), ("terms", &terms), ("password", &password)];
    for (name, link) in named {
        if let Some(link) = link {
            check_link(name, link, found);
        }
    }
    Some(Mail {
        contact: contact.or_else(|| from.clone()),
        from: from?,
        service,
        language: language.unwrap_or_default(),
        language_attribute,
        links: Links { accept, decline, terms, password },
        transport: transport?,
    })
}

fn is_attribute(field: &str) -> bool {
    field.strip_prefix("attributes.").is_some_and(|name| !name.is_empty())
}

fn check_address(key: &str, address: &str, found: &mut Found<'_>) {
    let parsed = address.parse::<Mailbox>().ok().filter(|_| !has_unseen(address));
    if parsed.is_none() {
        let message = format!("`{}` is no e-mail address", address.escape_debug());
        let help = "write one such as `access@example.com`, or `Access <access@example.com>`";
        found.add(&["mail", key], message, help);
    }
}

/// A link has to lead to a page over an encrypted connection: whoever sees the token can answer.
fn check_link(name: &str, link: &str, found: &mut Found<'_>) {
    let path = ["mail", "links", name];
    let rest = link.strip_prefix("https://");
    let to_this_machine = link.strip_prefix("http://").filter(|rest| {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        is_this_machine(match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            Some(_) | None => authority,
        })
    });
    let is_address = rest.or(to_this_machine).is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
    let is_plain = link.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>\"\\^`|".contains(&byte));
    if !is_address || !is_plain {
        let message = format!("`{}` is no link that can stand in a mail", link.escape_debug());
        found.add(&path, message, "write one such as `https://access.example.com/accept?token={token}`, with `https`");
        return;
    }
    let mut left = link.to_owned();
    for placeholder in PLACEHOLDERS {
        left = left.replace(placeholder, "");
    }
    if left.contains(['{', '}']) {
        found.add(&path, "the link holds a `{` or `}` of no meaning", "only `{token}` and `{key}` are filled in");
    } else if name == "terms" && link.contains("{token}") {
        let help = "take `{token}` out: with it anybody could answer the invitation";
        found.add(&path, "a page with terms needs no token", help);
    } else if name == "password" && link.contains("{token}") {
        let help = "take `{token}` out: the page mails the person a link of its own, once they have said who they are";
        found.add(&path, "no token lets anybody choose a password", help);
    }
}

fn check_smtp(smtp: &Smtp, found: &mut Found<'_>) {
    let Smtp { host, port, tls, user, password, ca, timeout } = smtp;
    let is_host = |c: char| c.is_alphanumeric() || ".-:_".contains(c);
    if host.is_empty() || !host.chars().all(is_host) {
        let message = format!("`{}` is no name of a server", host.escape_debug());
        found.add(&["mail", "smtp", "host"], message, "write one such as `mail.example.com`, without a port");
    }
    if *port == Some(0) {
        found.add(&["mail", "smtp", "port"], "no server has the port 0", "write its port, or take the line out");
    }
    if *tls == Some(SmtpTls::None) && !is_this_machine(host) {
        let message = "mails with links that let somebody in would go out in the clear";
        let help = "write `tls: implicit` or `tls: starttls`; `none` is for a server on this machine";
        found.add(&["mail", "smtp", "tls"], message, help);
    }
    match (user, password) {
        (Some(_), Some(_)) | (None, None) => {}
        (Some(_), None) => {
            let help = "add `password: { env: NAME }`, or take `user` out";
            found.add(&["mail", "smtp", "user"], "who logs in needs a password", help);
        }
        (None, Some(_)) => {
            let help = "add `user: NAME`, or take `password` out";
            found.add(&["mail", "smtp", "password"], "it is not said whose password this is", help);
        }
    }
    if user.as_deref().is_some_and(|user| user.is_empty() || has_unseen(user)) {
        found.add(&["mail", "smtp", "user"], "this is no name to log in with", "write the name, in one line");
    }
    if ca.as_deref().is_some_and(|ca| ca.is_empty() || has_unseen(ca)) {
        found.add(&["mail", "smtp", "ca"], "this is no path", "name a file with certificates (PEM)");
    }
    if timeout.is_some_and(|timeout| !(1..=LONGEST_TIMEOUT).contains(&timeout.seconds())) {
        found.add(&["mail", "smtp", "timeout"], "no server is waited for so long", "write `1s` to `10m`");
    }
}

/// Whether a name or an address is that of the machine itself.
fn is_this_machine(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
