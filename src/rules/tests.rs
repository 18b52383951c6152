//! Rule sets as a whole: the default one, extending, and the questions.
#![allow(clippy::panic, reason = "a helper that fails tells the text")]
#![allow(clippy::similar_names, reason = "`rules` is made by `rules(…)`")]

mod roles;

use proptest::prelude::*;

use super::*;
use crate::diagnostic::Code;
use crate::document::Mistake;
use crate::model::{AppliesTo, Catalog, InvitationState, Name, Names, Role, SiteAccess, Status, Value};

fn no_files(name: &str) -> Result<RuleFile, String> {
    Err(format!("`{name}` is not there"))
}

fn rules(text: &str) -> Rules {
    parse(text, "rules.yaml", &no_files).unwrap_or_else(|mistakes| panic!("{text}: {mistakes:#?}"))
}

fn mistakes(text: &str) -> Vec<Mistake> {
    parse(text, "rules.yaml", &no_files).expect_err(text)
}

#[test]
fn every_built_in_set_is_valid_and_named_once() {
    for (name, text) in BUILT_IN {
        parse(text, name, &no_files).unwrap_or_else(|mistakes| panic!("{name}: {mistakes:#?}"));
        assert!(Rules::built_in(name).is_some(), "{name}");
        assert_eq!(BUILT_IN.iter().filter(|(other, _)| other == name).count(), 1, "{name}");
        assert!(about(text).ends_with('.') && text.starts_with("# "), "{name} says what it is for");
    }
    assert!(BUILT_IN.is_sorted_by_key(|(name, _)| *name));
    assert_eq!(Rules::built_in("nothing"), None);
}

#[test]
fn the_default_set_is_as_documented() {
    let rules = Rules::built_in("default").expect("built in");
    assert_eq!(rules.identity.key_field(), KeyField::Email);
    assert_eq!(rules.identity.case(), KeyCase::Insensitive);
    assert!(!rules.identity.is_immutable());
    assert_eq!(rules.onboarding(), OnBoarding::Invite);
    let invitations = rules.invitations.as_ref().expect("there are invitations");
    assert_eq!(invitations.ttl.map(Period::seconds), Some(7 * 86_400));
    assert_eq!(invitations.renew, Some(Renewal::Never));
    assert_eq!((invitations.resend, invitations.declinable), (Some(true), Some(true)));
    assert!(rules.cancels_invitations() && rules.suppresses_invitations());
    assert_eq!((rules.carries().organizations(), rules.carries().sites()), (usize::MAX, usize::MAX));
    let pending = rules.pending_takes();
    assert_eq!((pending.role, pending.sites), (Some(false), Some(false)));
    assert_eq!(rules.offboarding, Some(vec![OffBoarding::Deactivate, OffBoarding::Delete]));
    assert!(rules.can_undo(OffBoarding::Deactivate) && !rules.can_undo(OffBoarding::Delete));
    assert!(rules.reactivation_restores() && rules.inactive_takes());
    assert_eq!(rules.role_change, Some(RoleChange::Replace));
    assert!(rules.has_organizations() && rules.creates_organizations());
    assert!(rules.has_site_roles() && rules.allows_no_role() && !rules.demands_membership());
    assert_eq!(rules.sites.rules().and_then(|sites| sites.default), Some(SiteDefault::User));
    assert_eq!(rules.seat_limit(), None);
    for field in CORE_FIELDS {
        assert!(rules.field(field).is_some(), "{field}");
    }
    assert_eq!(rules.kinds.as_deref(), Some(&["human".to_owned(), "service".to_owned()][..]));
    for &kind in ActionKind::ALL {
        let mailed = matches!(kind, ActionKind::InviteUser | ActionKind::SendInvitation | ActionKind::ResendInvitation);
        assert_eq!(rules.mails(kind, true), mailed, "{kind:?}");
    }
}

#[test]
fn maps_merge_the_rest_replaces_and_null_takes_away() {
    let rules = rules(
        "extends: default\n\
         invitations: { ttl: 48h, cancel: null, carries: { sites: 1 } }\n\
         offboarding: [close]\n\
         allows: null\n\
         fields: { mobile: null, department: { required: always } }\n\
         organizations: one\n",
    );
    let invitations = rules.invitations.as_ref().expect("merged");
    assert_eq!(invitations.ttl.map(Period::seconds), Some(48 * 3_600), "replaced");
    assert_eq!(invitations.resend, Some(true), "inherited");
    assert!(!rules.cancels_invitations(), "null is not stated, and then the careful answer holds");
    assert_eq!((rules.carries().organizations(), rules.carries().sites()), (usize::MAX, 1), "maps merge at any depth");
    assert_eq!(rules.offboarding, Some(vec![OffBoarding::Close]), "lists replace");
    assert_eq!(rules.allows.delete, None, "null in place of a mapping");
    assert!(rules.field("mobile").is_none() && rules.field("phone").is_some());
    assert_eq!(rules.field("department").and_then(|field| field.required), Some(FieldRequired::Always));
    assert!(!rules.creates_organizations());
}

#[test]
fn left_out_extends_the_default_and_null_extends_nothing() {
    assert_eq!(rules("{}\n"), Rules::built_in("default").expect("built in"));
    assert_eq!(rules("extends: null\n"), Rules::default());
    assert_eq!(rules(""), Rules::built_in("default").expect("built in"), "an empty file");
    let none = rules("invitations: null\nonboarding: create\n");
    assert_eq!((none.invitations, none.onboarding), (None, Some(OnBoarding::Create)));
}

#[test]
fn chains_go_through_files_and_cycles_are_mistakes() {
    let read = |name: &str| {
        let text = match name {
            "a.yaml" => "extends: b.yaml\nseats: { max: 5 }\n",
            "b.yaml" => "extends: default\nseats: { max: 9, counts: [active] }\n",
            "c.yaml" => "extends: d.yaml\n",
            "d.yaml" => "extends: c.yaml\n",
            name => return Err(format!("`{name}` is not there")),
        };
        Ok(RuleFile { name: name.to_owned(), text: text.to_owned() })
    };
    let rules = parse("extends: a.yaml\n", "top.yaml", &read).expect("valid");
    assert_eq!(rules.seat_limit(), Some(5));
    assert!(rules.counts_seat(Status::Active) && !rules.counts_seat(Status::Inactive));
    let cycle = parse("extends: c.yaml\n", "top.yaml", &read).expect_err("a cycle");
    assert!(cycle[0].message.contains("c.yaml → d.yaml → c.yaml"), "{cycle:?}");
    assert_eq!((cycle[0].file.as_str(), cycle[0].line, cycle[0].column), ("d.yaml", 1, 10));
    let own = parse("extends: top.yaml\n", "top.yaml", &|_| {
        Ok(RuleFile { name: "top.yaml".to_owned(), text: String::new() })
    });
    assert!(own.is_err());
    assert_eq!(mistakes("extends: defualt\n")[0].help.as_deref(), Some("did you mean `default`?"));
    assert_eq!(mistakes("extends: x.yaml\n")[0].message, "`x.yaml` is not there");
}

#[test]
fn mistakes_have_code_and_place() {
    for (text, code, line, column) in [
        ("identity: { kye: email }\n", Code::UnknownKey, 1, 13),
        ("mail: { invite_usr: true }\n", Code::UnknownKey, 1, 9),
        ("sites: { roles: no }\n", Code::WrongType, 1, 17),
        ("kinds: [human]\nkinds: [human]\n", Code::DuplicateKey, 2, 1),
        ("sites: true\n", Code::InvalidValue, 1, 8),
        ("organizations: some\n", Code::InvalidValue, 1, 16),
        ("seats: { max: -1 }\n", Code::WrongType, 1, 15),
        ("invitations: { carries: { sites: most } }\n", Code::InvalidValue, 1, 34),
        ("invitations: { ttl: 7 days }\n", Code::InvalidValue, 1, 21),
        ("invitations: null\n", Code::InvalidRules, 1, 14),
        ("attributes: { rank: { type: enum } }\n", Code::InvalidRules, 1, 15),
        ("attributes: { rank: { access: true } }\n", Code::InvalidRules, 1, 15),
        ("attributes: { on: { type: bool, values: [a] } }\n", Code::InvalidRules, 1, 33),
        ("fields: { maill: {} }\n", Code::InvalidRules, 1, 11),
        ("fields: { email: { units: [a] } }\n", Code::InvalidRules, 1, 20),
        ("sites: false\ninvitations: { needs: { sites: 1 } }\n", Code::InvalidRules, 2, 32),
        ("organizations: false\n", Code::InvalidRules, 1, 16),
        ("memberships: { role: { min: 2, max: 1 } }\n", Code::InvalidRules, 1, 16),
        ("identity: { case: sensitive }\n", Code::InvalidRules, 1, 19),
        ("kinds: [robot]\n", Code::InvalidRules, 1, 1),
        ("require: [{ when: {}, any_of: [fax], severity: error }]\n", Code::InvalidRules, 1, 1),
        ("roles: { vendor: { a: { includes: [b] }, b: { includes: [a] } } }\n", Code::InvalidRules, 1, 25),
        ("roles: { vendor: { all: {} } }\n", Code::InvalidRules, 1, 20),
    ] {
        let found = &mistakes(text)[0];
        assert_eq!((found.code, found.line, found.column), (code, line, column), "{text}{found:#?}");
        assert!(
            found.help.is_some() || found.message.contains("expected") || found.message.contains("write"),
            "{found:#?}"
        );
    }
    assert!(mistakes("fields: { a: {}, b: {} }\nkinds: [c]\n").len() == 3, "all mistakes in one run");
}

/// What no rule set of five systems may fail to say is tested with the sets; here, that the structure holds it.
#[test]
fn the_structure_holds_the_five_systems() {
    let rules = rules(
        "extends: null
identity: { key: login, case: sensitive, immutable: true, reusable: true }   # CAUCA-1, ACT-1, ACT-6
personal: { shared_accounts: forbidden, suspects: [info@*, admin], same_email: warning }   # CAUCA-2
kinds: [human]   # ACT-9
onboarding: invite
creation: { carries: null, secret: generated }   # CAUCA-11
invitations:
  ttl: 7d   # CRED-2
  batch_max: 100   # ALT-4
  batch_same: [memberships, role, sites, user_type, send]   # ALT-3, CRED-6
  suppressible: true   # CRED-3
  resend: null   # ALT-13
  declinable: true   # CRED-1
  renew: never   # CRED-10
  existing_account: told   # ALT-3
  carries: { organizations: all, sites: 1 }   # CRED-8
  needs: { organizations: 1, sites: 1 }   # ALT-3, CRED-5
offboarding: [deactivate, delete, close]   # MOD-3
allows: { delete: never_used }
undo: { deactivate: true, delete: null }   # ACT-5, CAUCA-12
reactivation: { restores: all }   # CRED-9
organizations: one
organization_kinds: [municipality]   # CAUCA-9
memberships: { stored: false, per_user: { max: 1 }, role: { min: 0, max: 1 }, extra_roles: true }   # ALT-6, CAUCA-7
role_change: remove_then_add   # ALT-5
role_change_loses: [sites, extra_roles]
roles:
  compare: permissions   # CAUCA-8
  create: true
  vendor:
    manager: { rank: 40, site_access: all, admin: true, protected: true }   # ALT-1, ALT-2, MOD-7
    vendor_only: { grantable: false }   # ACT-3
sites:
  kinds: [mailbox, calendar, entity_group]   # MOD-14, ACT-4
  grantable_kinds: [mailbox, entity_group]
  max: 1
  default: user
  default_kinds: [mailbox]
  default_required: many
  default_given: false
fields:
  email: { required: onboarding, domains: [example.com] }   # ACT-2
  language: { values: [en, fr, ja] }   # ALT-8
  home: { units: [company, agency] }   # MOD-6
  mfa: { set_by: person }   # MOD-11
  api: { empty_routes: all, secret: once }   # MOD-12, MOD-13
attributes:
  mission_lead: { type: bool, admin: true, access: true }   # CAUCA-5
  vendor_trigger_allowed: { type: bool, access: true }   # CAUCA-6
  clearance: { type: ordinal, values: ['1', '2'], access: true }   # MOD-8
  portfolio_scope: { type: set, access: true, empty: all }   # MOD-10
require:
  - { when: { mfa: true }, any_of: [email, mobile], severity: error }   # CAUCA-3
  - { when: { vendor_trigger_allowed: false }, any_of: [email], severity: warning }   # CAUCA-4
  - { when: { role: null }, any_of: [attributes.mission_lead], severity: warning }
seats: { max: 3, counts: [active], refuses: [create, activate] }   # MOD-1, MOD-15
denials: { self: [deactivate_user] }   # MOD-2
mail: { update: true, create_user: null, needs: email }   # CAUCA-10
password:   # MOD-4, ACT-7
  set_by: [administrator, person]
  min_length: 8
  classes: { of: [lower, upper, digit], min: 2 }
  forced_change: true
  rotation: 180d
  reset_all: active
scope: { complete: exporter_organizations }   # ALT-11
",
    );
    assert!(rules.denies_self(ActionKind::DeactivateUser) && !rules.denies_self(ActionKind::DeleteUser));
    assert!(rules.refuses_at_limit(SeatRefusal::Activate));
    assert!(
        rules.mails(ActionKind::ChangeRole, true) && rules.mails(ActionKind::CreateUser, true),
        "not stated counts as a mail"
    );
    assert!(!rules.mails(ActionKind::CreateSite, true));
    assert!(!rules.mails(ActionKind::CreateUser, false), "nobody without an address gets a mail");
    let sites = rules.sites.rules().expect("there are sites");
    assert!(sites.can_be_default(Some("mailbox")) && !sites.can_be_default(Some("calendar")));
    assert!(!sites.can_be_granted(Some("calendar")) && !sites.can_be_granted(None));
    let null = RequirementValue::Null;
    assert_eq!(
        rules.require.as_ref().and_then(|all| all[2].when.get("role")),
        Some(&null),
        "null stays in a condition"
    );
}

#[test]
fn what_is_not_stated_has_the_careful_answer() {
    let rules = Rules::default();
    assert!(rules.identity.is_immutable());
    assert!(Status::ALL.into_iter().all(|status| rules.counts_seat(status)));
    assert!(rules.refuses_at_limit(SeatRefusal::Create));
    assert!(!rules.cancels_invitations() && !rules.suppresses_invitations());
    assert!(!rules.can_undo(OffBoarding::Deactivate) && rules.reversible_offboarding().is_none());
    assert!(rules.reactivation_restores() && !rules.inactive_takes());
    assert!(rules.mails(ActionKind::DeleteUser, true) && rules.mails(ActionKind::GrantSite, true));
    assert_eq!(rules.carries().organizations(), 0);
}

#[test]
fn ended_invitations_are_made_again_as_stated() {
    let renewing = |renew: &str| rules(&format!("invitations: {{ renew: {renew} }}\n"));
    let ended = [InvitationState::Declined, InvitationState::Expired, InvitationState::Cancelled];
    for (renew, expected) in [
        ("null", [false, false, false]),
        ("never", [false, false, false]),
        ("declined", [true, false, false]),
        ("expired", [false, true, false]),
        ("both", [true, true, false]),
    ] {
        assert_eq!(ended.map(|state| renewing(renew).renews(state)), expected, "{renew}");
    }
    assert!(!renewing("both").renews(InvitationState::Pending), "it has not ended");
}

#[test]
fn a_seat_is_taken_where_none_was() {
    let rules = rules("seats: { max: 2, counts: [invited, active] }\n");
    assert!(rules.takes_seat(None, Status::Invited) && rules.takes_seat(Some(Status::Inactive), Status::Active));
    assert!(!rules.takes_seat(Some(Status::Invited), Status::Active), "it has one");
    assert!(!rules.takes_seat(None, Status::Preloaded), "it needs none");
    assert!(!Rules::default().takes_seat(None, Status::Active), "there is no limit");
}

#[test]
fn a_default_site_is_demanded_of_users_who_can_set_one() {
    let demands = |text: &str| {
        let rules = rules(text);
        let sites = rules.sites.rules().expect("there are sites");
        [0, 1, 2].map(|count| sites.demands_default(count))
    };
    assert_eq!(demands("sites: { default: user, default_required: any }\n"), [false, true, true]);
    assert_eq!(demands("sites: { default: user, default_required: many }\n"), [false, false, true]);
    assert_eq!(demands("sites: { default: organization, default_required: any }\n"), [false; 3]);
    assert_eq!(demands("sites: { default: user }\n"), [false; 3]);
}

fn catalog(names: &mut Names, roles: &[(&str, Role)]) -> Catalog {
    let mut catalog = Catalog::default();
    for (name, role) in roles {
        catalog.roles.insert(names.intern(name), role.clone());
    }
    catalog
}

#[test]
fn roles_compare_by_rank() {
    let mut names = Names::new();
    let ranked = |rank| Role { rank: Some(rank), ..Role::default() };
    let admin = Role { rank: Some(1), admin: true, ..Role::default() };
    let wide = Role { rank: Some(1), site_access: SiteAccess::All, ..Role::default() };
    let all = [
        ("low", ranked(1)),
        ("high", ranked(2)),
        ("twin", ranked(2)),
        ("none", Role::default()),
        ("admin", admin),
        ("wide", wide),
    ];
    let catalog = catalog(&mut names, &all);
    let rules = Rules::default();
    let name = |text: &str| names.find(text);
    for (from, to, up, down) in [
        ("low", "high", true, false),
        ("high", "low", false, true),
        ("high", "twin", true, true),
        ("high", "none", true, true),
        ("high", "high", false, false),
        ("high", "admin", true, true),
        ("high", "wide", true, true),
        ("high", "undeclared", true, true),
    ] {
        // A role that nobody declares is compared by its absence from the catalog, not from the table of names.
        let (from, to) = (name(from), name(to).or(Some(known_stranger())));
        assert_eq!(rules.escalates(&catalog, &names, from, to), up, "{from:?} {to:?}");
        assert_eq!(rules.loses(&catalog, &names, from, to), down, "{from:?} {to:?}");
    }
    assert!(rules.escalates(&catalog, &names, None, name("low")), "a role from none");
    assert!(rules.loses(&catalog, &names, name("low"), None));
    assert!(!rules.escalates(&catalog, &names, name("low"), None));
}

fn known_stranger() -> Name {
    crate::model::known::PLATFORM_WORD
}

#[test]
fn roles_compare_by_permissions_with_those_they_include() {
    let mut names = Names::new();
    let [read, write, mail] = ["read", "write", "mail"].map(|text| names.intern(text));
    let reader_name = names.intern("reader");
    let permissions =
        |list: &[Name]| Role { permissions: names.list(list), applies_to: AppliesTo::default(), ..Role::default() };
    let including = Role { includes: names.list(&[reader_name]), ..permissions(&[write]) };
    let roles = [("reader", permissions(&[read])), ("writer", including), ("mailer", permissions(&[mail]))];
    let catalog = catalog(&mut names, &roles);
    let rules = rules("roles: { compare: permissions }\n");
    let name = |text: &str| names.find(text);
    let escalates = |from, to| rules.escalates(&catalog, &names, name(from), name(to));
    assert!(escalates("reader", "writer") && !escalates("writer", "reader"), "included permissions count");
    assert!(escalates("mailer", "reader") && escalates("reader", "mailer"), "incomparable: both ways");
}

const ACCESS: &str = "extends: null
sites: { min: 0 }
fields: { api: { empty_routes: all } }
attributes:
  level: { type: ordinal, values: [low, mid, high], access: true }
  options: { type: set, access: true }
  scope: { type: set, access: true, empty: all }
  word: { type: text, access: true }
  flag: { type: bool, access: true }
";

#[test]
fn access_values_escalate_by_their_type() {
    let rules = rules(ACCESS);
    let mut names = Names::new();
    let text = |names: &mut Names, text: &str| Value::Text(names.intern(text));
    let (low, high, other) = (text(&mut names, "low"), text(&mut names, "high"), text(&mut names, "other"));
    let (a, b) = (names.intern("a"), names.intern("b"));
    let (just_a, just_b, both) = (names.list(&[a]), names.list(&[b]), names.list(&[a, b]));
    let (just_a, just_b, both) = (Value::Set(just_a), Value::Set(just_b), Value::Set(both));
    let empty = Value::Set(crate::model::List::EMPTY);
    let all = Value::Text(crate::model::known::ALL);
    for (field, from, to, up, down) in [
        ("attributes.level", low, high, true, false),
        ("attributes.level", Value::Null, low, true, false),
        ("attributes.level", other, low, true, true),
        ("attributes.options", just_a, both, true, false),
        ("attributes.options", just_a, just_b, true, true),
        ("attributes.options", empty, Value::Null, false, false),
        ("attributes.options", Value::Null, just_a, true, false),
        ("attributes.scope", just_a, Value::Null, true, false),
        ("attributes.scope", just_a, all, true, false),
        ("attributes.scope", Value::Null, all, false, false),
        ("attributes.word", all, other, true, true),
        ("attributes.flag", Value::Null, Value::Bool(true), true, false),
        ("attributes.flag", Value::Null, Value::Bool(false), false, false),
        ("api.routes", just_a, empty, true, false),
        ("api.routes", all, empty, false, false),
    ] {
        let name = names.intern(field);
        assert_eq!(rules.value_escalates(&names, name, from, to), up, "{field} {from:?} {to:?}");
        assert_eq!(rules.value_escalates(&names, name, to, from), down, "{field} {to:?} {from:?}");
    }
    let routes = names.intern("api.routes");
    let unstated = Rules::default();
    assert!(unstated.value_escalates(&names, routes, just_a, empty), "perhaps everything");
    assert!(unstated.value_escalates(&names, routes, empty, just_a), "perhaps nothing before");
}

#[test]
fn texts_compare_as_the_rules_say() {
    let rules =
        rules("fields: { mobile: { compare: digits }, name: { compare: trimmed }, email: { compare: case } }\n");
    let mut names = Names::new();
    let mut same = |field: &str, declared: &str, live: &str| {
        let (field, declared, live) = (names.intern(field), names.intern(declared), names.intern(live));
        rules.same_value(&names, field, Value::Text(declared), Value::Text(live))
    };
    assert!(same("mobile", "+33 6 12", "+33612") && !same("mobile", "0612", "+612"));
    assert!(same("name", "Ana ", "Ana") && !same("name", "ana", "Ana"));
    assert!(same("email", "A@x", "a@x"));
    assert!(!same("job_title", "A", "a"));
}

#[test]
fn kinds_of_actions_and_keys_of_mail_agree() {
    let kinds: Vec<&str> = ActionKind::ALL.iter().map(|kind| kind.as_str()).collect();
    assert_eq!(shape::MAIL_KEYS[2..], kinds[..]);
}

proptest! {
    #[test]
    fn extending_with_what_a_set_says_changes_nothing(keys in proptest::sample::subsequence(
        vec!["kinds", "onboarding", "invitations", "offboarding", "undo", "memberships", "roles", "fields", "mail"], 0..9,
    )) {
        let base = Rules::built_in("default").expect("built in");
        let serde_json::Value::Object(all) = serde_json::to_value(&base).expect("json") else { unreachable!() };
        let some: serde_json::Map<_, _> = all.into_iter().filter(|(key, _)| keys.contains(&key.as_str())).collect();
        // JSON is YAML.
        let text = serde_json::to_string(&some).expect("json");
        prop_assert_eq!(parse(&text, "again.yaml", &no_files).expect("valid"), base);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "[ -~\\n\u{e9}\u{0}]{0,60}") {
        let _ = parse(&text, "any.yaml", &no_files);
    }
}

#[test]
fn the_steps_of_an_ordinal_that_are_not_stated_compare_with_nothing() {
    let rules = rules("attributes: { clearance: { type: ordinal, values: null, access: true } }\n");
    let mut names = Names::new();
    let field = names.intern("attributes.clearance");
    let (low, high) = (Value::Text(names.intern("1")), Value::Text(names.intern("2")));
    assert!(rules.value_escalates(&names, field, low, high) && rules.value_escalates(&names, field, high, low));
    assert!(!rules.value_escalates(&names, field, high, Value::Null), "none at all is less");
}

#[test]
fn a_file_may_have_the_key_that_a_rule_set_has_in_settings() {
    let wrapped = rules("# ours\nrules:\n  extends: modulr\n  seats: { max: 3 }\n");
    assert_eq!(wrapped, rules("extends: modulr\nseats: { max: 3 }\n"));
    let mistakes = mistakes("rules:\n  seatz: {}\n");
    assert_eq!((mistakes[0].line, mistakes[0].column), (2, 3), "{mistakes:?}");
}
