//! Expressions that can be asked, and all the ways in which they can't.

#![allow(clippy::panic, reason = "a test that can't go on should say so")]

use super::{AskedOf, Budget, NoAnswer, ORGANIZATION, Policy, PolicySeverity, USER, Unusable, Value};

fn parse(of: AskedOf, require: &str) -> Result<Policy, Unusable> {
    Policy::parse("p", of, require, (PolicySeverity::Error, "it holds"))
}

fn refused(of: AskedOf, require: &str) -> (usize, String) {
    let Unusable { offset, message, help } = parse(of, require).expect_err(require);
    assert!(!help.is_empty(), "{require}: no way out");
    (offset, message)
}

/// A user with these values, and null elsewhere.
fn user(values: &[(&str, Value)]) -> Value {
    let value = |name: &str| values.iter().find(|(of, _)| *of == name).map_or_else(Value::null, |(_, of)| of.clone());
    Value::record(&USER, USER.fields.iter().map(|field| value(field.name)).collect())
}

fn ask(require: &str, user: Value) -> Result<bool, NoAnswer> {
    let policy = parse(AskedOf::User, require).unwrap_or_else(|why| panic!("{require}: {why}"));
    policy.holds(
        &[("user", user), ("now", Value::time(Some(jiff::Timestamp::UNIX_EPOCH)))],
        &mut Budget::for_questions(1),
    )
}

#[test]
fn expressions_are_asked_of_values() {
    let ana = user(&[
        ("key", Value::text("ana@example.com")),
        ("domain", Value::text("example.com")),
        ("teams", Value::texts(["a", "b"])),
        ("expires", Value::time("1970-06-01T00:00:00Z".parse().ok())),
        ("fields", Value::json(&serde_json::json!({ "language": "fr", "attributes": { "level": 3 } }))),
    ]);
    for (require, holds) in [
        ("user.domain == 'example.com'", true),
        ("user.domain in ['example.org', 'example.net']", false),
        ("user.key.endsWith('@example.com') && user.key.matches('^[a-z]+@')", true),
        ("user.teams.exists(team, team == 'b')", true),
        ("user.teams.all(team, team == 'b')", false),
        ("user.teams.exists_one(team, team == 'b')", true),
        ("user.teams.filter(team, team != 'b').size() == 1", true),
        ("user.teams.map(team, team.size()).all(size, size == 1)", true),
        ("size(user.teams) >= 2 ? true : false", true),
        ("user.expires == null || user.expires - now <= duration('8784h')", true),
        ("user.expires != null && user.expires - now > duration('24h')", true),
        ("user.starts == null", true),
        ("has(user.fields.language) && user.fields.language == 'fr'", true),
        ("!has(user.fields.phone)", true),
        ("user.fields.attributes.level > 2", true),
        ("'language' in user.fields", true),
        ("user.fields['language'] != 'de'", true),
        ("now.getFullYear() == 1970", true),
    ] {
        assert_eq!(ask(require, ana.clone()), Ok(holds), "{require}");
    }
}

#[test]
fn what_can_not_be_asked_is_refused_before_it_is() {
    let user = AskedOf::User;
    for (require, offset, message) in [
        ("", 0, "nothing is written"),
        ("user.domain ==", 14, "it is no expression"),
        ("user.domain == 'a' user", 19, "it is no expression"),
        ("user.domian == 'a'", 4, "a user has no field `domian`"),
        ("usr.domain == 'a'", 0, "there is no variable `usr`"),
        ("true || user.nothing", 12, "a user has no field `nothing`"),
        ("'é' == 'é' && user.nothing", 20, "a user has no field `nothing`"),
        ("user.memberships.all(m, m.rool == 'a')", 25, "a membership has no field `rool`"),
        ("user.domain", 4, "it gives a string or null"),
        ("user.teams.size()", 15, "it gives an int"),
        ("user.teams == ['a']", 11, "a list can't be compared"),
        ("user.key == null", 9, "this is a string, and never null"),
        ("user.key == 3", 9, "a string can't be compared with an int"),
        ("user.key < now", 9, "a string can't be compared with a timestamp"),
        ("user.key && true", 4, "this is a string, and has to be true or false"),
        ("user.key + 'a' == 'b'", 9, "strings and lists can't be put together"),
        ("user.teams.map(t, [t]).size() == 1", 18, "a list can't hold a list"),
        ("{'a': 1}.size() == 1", 0, "maps and messages can't be made"),
        ("has(user.email)", 3, "`email` is always there"),
        ("user.key.lowerAscii() == 'a'", 19, "there is no function `lowerAscii`"),
        ("user.key.matches(user.domain)", 21, "the pattern of `matches` has to be written out"),
        ("user.key.matches('(')", 17, "the pattern of `matches` is none"),
        ("user.key.matches('((a{1,99}){1,99}){1,99}')", 17, "the pattern of `matches` is too large"),
        ("user.fields.all(name, name != 'x')", 4, "a map can't be gone through"),
        ("b'abc' == b'abc'", 0, "nothing here is made of bytes"),
        ("user.?email == 'a'", 4, "it is no expression"),
        ("@metered([1], 1) == 1", 0, "it is no expression"),
        ("plan.joins == 0", 0, "there is no variable `plan`"),
    ] {
        let (at, told) = refused(user, require);
        assert!(told.starts_with(message), "{require}: {told}");
        assert_eq!(at, offset, "{require}: {told}");
    }
    assert!(refused(user, &format!("user.key == '{}'", "a".repeat(4_000))).1.contains("at most 4000"));
}

#[test]
fn deep_expressions_end_no_run() {
    let nested = |open: &str, close: &str, times: usize| format!("{}true{}", open.repeat(times), close.repeat(times));
    let mut wrong = Vec::new();
    let deep = Some("it is nested more than 60 deep");
    for (require, told) in [
        (nested("(", ")", 50), None),
        (nested("(", ")", 1_900), deep),
        (nested("!", "", 3_900), None),
        (format!("1{} == 1", "+1".repeat(50)), None),
        (format!("1{} == 1", "+1".repeat(1_900)), deep),
        (format!("true{}", "&&true".repeat(600)), None),
        (format!("user{} == 1", ".a".repeat(1_900)), deep),
        (format!("user.fields{} == 1", ".a".repeat(50)), None),
        (format!("user.fields{} == 1", ".a".repeat(1_900)), deep),
        (nested("[", "]", 1_900), deep),
        ("user.teams.all(x, ".repeat(200) + "true" + &")".repeat(200), deep),
    ] {
        let found = parse(AskedOf::User, &require).err().map(|why| why.message);
        if found.as_deref() != told {
            let begin: String = require.chars().take(20).collect();
            wrong.push(format!("{begin}: {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    refused(AskedOf::User, &("x ? ".repeat(200) + "true" + &" : true".repeat(200)));
}

#[test]
fn want_of_memory_is_no_mistake_of_the_author() {
    let told = super::compile_on(1 << 50, "true", AskedOf::User).expect_err("no such stack");
    assert_eq!(told.message, "there is not enough memory to read it: 256 MiB are needed");
    assert!(told.help.contains("nothing is wrong with the policy"), "{}", told.help);
}

#[test]
fn an_evaluation_that_takes_too_long_has_no_answer() {
    let members: Vec<Value> = (0..50_000).map(|_| Value::null()).collect();
    let values =
        vec![Value::text("north"), Value::texts([]), Value::list(members), Value::json(&serde_json::json!({}))];
    let organization = Value::record(&ORGANIZATION, values);
    let asked = |require: &str| {
        let policy = parse(AskedOf::Organization, require).unwrap_or_else(|why| panic!("{require}: {why}"));
        let variables = [("organization", organization.clone()), ("now", Value::time(None))];
        policy.holds(&variables, &mut Budget::for_questions(1))
    };
    assert_eq!(asked("organization.members.size() > 1"), Ok(true));
    assert_eq!(asked("organization.members.all(m, organization.key == 'north')"), Ok(true));
    for require in [
        "organization.members.all(a, organization.members.all(b, organization.key == 'north'))",
        "organization.members.all(a, organization.members.exists(b, organization.members.all(c, true)))",
        "organization.members.map(a, organization.members.filter(b, true).size()).size() > 0",
        "organization.members.all(a, organization.members.map(b, 'x').all(c, 'x' in organization.members.map(d, 'x')))",
        "true || organization.members.all(a, organization.members.all(b, true))",
        "[1,2,3,4,5,6,7,8,9].all(a, organization.members.all(b, organization.members.all(c, false) || true) || true)",
    ] {
        let expected = if require.starts_with("true ||") { Ok(true) } else { Err(NoAnswer::TooManySteps) };
        assert_eq!(asked(require), expected, "{require}");
    }
    let tens = "[0,1,2,3,4,5,6,7,8,9]";
    let loops = (0..9).fold("false".to_owned(), |inner, at| format!("{tens}.exists(v{at}, {inner})"));
    assert_eq!(asked(&loops), Err(NoAnswer::TooManySteps));
}

#[test]
fn what_can_not_be_said_of_values_is_no_answer() {
    let impossible = |require: &str| match ask(require, user(&[("fields", Value::json(&serde_json::json!({})))])) {
        Err(NoAnswer::Impossible(why)) => why,
        other => panic!("{require}: {other:?}"),
    };
    assert_eq!(impossible("user.fields.language == 'fr'"), "there is no `language`");
    assert!(impossible("user.expires < now").contains("can't be done with"));
    assert_eq!(impossible("1 / (user.fields.size()) == 1"), "it divides by zero");
    assert_eq!(impossible("9223372036854775807 + int('1') == 1"), "a number grows too large");
    assert_eq!(impossible("timestamp('x') < now"), "`timestamp` can't take this value");
    let nested = user(&[("fields", Value::json(&serde_json::json!({ "attributes": { "a": 1 } })))]);
    assert!(matches!(ask("user.fields.attributes.exists(a, a == 'a')", nested.clone()), Err(NoAnswer::Impossible(_))));
    assert_eq!(ask("'a' in user.fields.attributes", nested), Ok(true));
    let text = user(&[("fields", Value::json(&serde_json::json!({ "a": "b" })))]);
    assert_eq!(ask("user.fields.a", text), Err(NoAnswer::NotBoolean));
}

#[test]
fn the_steps_of_a_run_are_shared() {
    let policy = parse(AskedOf::User, "user.teams.all(t, t != 'x')").expect("a policy");
    let mut budget = Budget { left: 100 };
    let ana = user(&[("teams", Value::texts(["a", "b", "c"]))]);
    let mut answers = std::iter::repeat_with(|| policy.holds(&[("user", ana.clone())], &mut budget));
    let fine = answers.by_ref().take_while(Result::is_ok).count();
    assert!((1..10).contains(&fine), "{fine}");
    assert_eq!(answers.next(), Some(Err(NoAnswer::TooManySteps)));
}

/// Fields that nobody looks at are not filled in, so that one which is missed here would be asked of nothing.
#[test]
fn every_field_that_an_expression_reaches_is_known() {
    let policy = parse(AskedOf::User, "user.memberships.all(m, m.role != 'x')").expect("a policy");
    assert!(policy.looks_at(&USER, "memberships") && !policy.looks_at(&USER, "fields"));
    for (of, require, used) in [
        (AskedOf::User, "(now == now ? user : user).teams.size() == 0", "user.teams"),
        (AskedOf::Action, "(now == now ? user : null).teams.size() == 0", "user.teams"),
        (AskedOf::Action, "(now == now ? null : (user == null ? user : null)).teams.size() == 0", "user.teams"),
        (
            AskedOf::User,
            "user.memberships.filter(m, m.admin).map(m, m.organization).exists(o, o == 'a')",
            "membership.admin membership.organization user.memberships",
        ),
        (AskedOf::User, "user.memberships.map(m, m).all(m, m.sites == null || true)", ""),
        (AskedOf::User, "user.memberships.map(m, m).all(m, m.sites.size() == 0)", "membership.sites user.memberships"),
        (AskedOf::User, "user.memberships[0].role == 'a'", "membership.role user.memberships"),
        (
            AskedOf::User,
            "(user.admin ? user.memberships[0] : null).rank > 1",
            "membership.rank user.admin user.memberships",
        ),
        (
            AskedOf::User,
            "(user.admin ? user.memberships : user.memberships.filter(m, m.admin)).all(m, m.sites.exists(s, s == 'a'))",
            "membership.admin membership.sites user.admin user.memberships",
        ),
        (AskedOf::User, "'a' in user.sources.map(s, s.via)", "source.via user.sources"),
        (AskedOf::User, "(user.admin ? user.fields : user.fields).a == 1", "user.admin user.fields"),
        (AskedOf::User, "user.fields.list.filter(x, x != user.key).size() == 0", "user.fields user.key"),
        (
            AskedOf::Membership,
            "organization.members.exists(m, m.user == user.key && m.role == membership.role)",
            "membership.role membership.user organization.members user.key",
        ),
        (
            AskedOf::Plan,
            "plan.actions.filter(a, has(a.after.role)).all(a, a.before.role == a.role_after)",
            "action.after action.before action.role_after plan.actions",
        ),
    ] {
        match parse(of, require) {
            Ok(policy) => {
                let found: Vec<String> =
                    policy.program.used.iter().map(|(shape, field)| format!("{shape}.{field}")).collect();
                assert_eq!(found.join(" "), used, "{require}");
            }
            Err(why) => assert_eq!(used, "", "{require}: {why}"),
        }
    }
}

/// Else a record would be taken for something of which nobody knows what is looked at, or a list for one step.
#[test]
fn both_sides_of_a_choice_are_of_one_type() {
    for (of, require) in [
        (AskedOf::Membership, "(membership.user == 'x' ? membership : user).teams.all(t, t != 'ops')"),
        (AskedOf::Membership, "(membership.user == 'x' ? user : 'a').teams.all(t, t != 'ops')"),
        (AskedOf::User, "(true ? user.teams : user.fields.a).all(t, t == 'a')"),
        (AskedOf::User, "(true ? user.fields.a : user.memberships).all(t, t.admin)"),
        (AskedOf::User, "(true ? user.fields : user.fields.a).size() == 0"),
        (AskedOf::User, "(true ? user.memberships : user.sources).all(m, m.admin)"),
    ] {
        let (_, message) = refused(of, require);
        assert!(message.starts_with("both sides of `?:` have to be of one type"), "{require}: {message}");
    }
    for require in [
        "[true ? user.memberships.map(m, m.user) : user.fields.a].all(b, b == b)",
        "[user.fields.a].all(b, b == b)",
        "[1, user.fields.a].all(b, b == b)",
        "user.teams.map(t, user.fields.a).all(b, b == b)",
        "user.teams.map(t, user.fields.a == null ? null : user.fields.a).all(b, b == b)",
    ] {
        let (_, message) = refused(AskedOf::User, require);
        assert!(message.starts_with("a list can't hold") || message.starts_with("both sides"), "{require}: {message}");
    }
    let ana = user(&[("fields", Value::json(&serde_json::json!({ "list": ["a", "b"], "number": 3 })))]);
    for require in [
        "(user.expires == null ? 1 : user.fields.number) == 1",
        "user.fields.list.filter(x, x != 'a').size() == 1",
        "user.fields.list.map(x, string(x)).exists(x, x == 'b')",
        "[1, 'a'].exists(x, x == 'a')",
    ] {
        assert_eq!(ask(require, ana.clone()), Ok(true), "{require}");
    }
}

#[test]
fn a_list_of_unknown_size_is_paid_for_where_it_is_compared() {
    let list: Vec<u32> = (0..100_000).collect();
    let ana =
        user(&[("fields", Value::json(&serde_json::json!({ "list": list }))), ("teams", Value::texts(["t"; 1_000]))]);
    assert_eq!(ask("user.fields.list == user.fields.list", ana.clone()), Ok(true));
    let loops = "user.teams.all(t, user.fields.list == user.fields.list)";
    assert_eq!(ask(loops, ana), Err(NoAnswer::TooManySteps));
}

/// What ends an evaluation must be an answer, or that there is none: never the program.
#[test]
fn values_at_the_edges_end_no_run() {
    let ana = user(&[
        ("key", Value::text("ana@example.com")),
        ("teams", Value::texts(["a", "b"])),
        ("expires", Value::time(Some(jiff::Timestamp::MAX))),
        ("starts", Value::time(Some(jiff::Timestamp::MIN))),
        ("fields", Value::json(&serde_json::json!({ "n": i64::MIN, "f": [1, null, "x", { "a": true }], "b": true }))),
    ]);
    let mut wrong = Vec::new();
    for (require, answer) in [
        ("user.expires + duration('9000000h') > now", "`duration` can't take this value"),
        ("user.expires - user.starts > duration('1h')", "a number grows too large"),
        ("user.starts - duration('999999999h') < now", "`duration` can't take this value"),
        ("now + duration('-2562047h') < now", "true"),
        ("timestamp('9999-12-31T23:59:59Z') + duration('2562047h') > now", "a number grows too large"),
        (
            "timestamp('0001-01-01T00:00:00Z') - timestamp('9999-12-31T23:59:59Z') < duration('0s')",
            "a number grows too large",
        ),
        ("duration('2562047h') + duration('2562047h') > duration('1s')", "a number grows too large"),
        ("duration('99999999999999999999h') > duration('1s')", "`duration` can't take this value"),
        ("-(user.fields.n * 1) > 0", "a number grows too large"),
        ("user.fields.n / -1 > 0", "a number grows too large"),
        ("user.fields.n % -1 == 0", "a number grows too large"),
        ("-(-9223372036854775807 - 1) > 0", "a number grows too large"),
        ("(-9223372036854775807 - 1) / -1 > 0", "a number grows too large"),
        ("(-9223372036854775807 - 1) % -1 == 0", "a number grows too large"),
        ("int(1e300) > 0", "`int` can't take this value"),
        ("int('9999999999999999999') > 0", "`int` can't take this value"),
        ("double('nan') > 1.0", "`_>_` can't be done with double and double"),
        ("double('nan') == double('nan')", "false"),
        ("user.teams[9] == 'a'", "`_[_]` can't take this value"),
        ("user.teams[-1] == 'a'", "`_[_]` can't take this value"),
        ("user.teams[9223372036854775807] == 'a'", "`_[_]` can't take this value"),
        ("user.fields.f[3].a", "true"),
        ("user.fields.f[1] == null", "true"),
        ("user.fields.f.all(x, x == 'x')", "false"),
        ("user.fields.f.exists(x, x.a)", "true"),
        ("user.fields.b.c", "`_._` can't be done with bool and string"),
        ("user.fields['b']['c'] == 1", "`_[_]` can't be done with bool and string"),
        ("size(user.fields.b) == 1", "`size` can't be done with bool"),
        ("user.key.matches('(a|aa)*$')", "true"),
        ("now.getHours('Nowhere/Else') == 1", "`timezone` can't take this value"),
        ("now.getHours('+99:99') == 1", "`timezone` can't take this value"),
        ("now.getFullYear('') == 1", "false"),
        ("timestamp(string(now)) == now", "true"),
        (
            "string(1.0 / 0.0) == 'x'",
            "refused: this is a double, and has to be a string or an int or true or false or a timestamp",
        ),
    ] {
        let found = match parse(AskedOf::User, require) {
            Ok(policy) => {
                let variables = [("user", ana.clone()), ("now", Value::time(Some(jiff::Timestamp::UNIX_EPOCH)))];
                match policy.holds(&variables, &mut Budget::for_questions(1)) {
                    Ok(holds) => holds.to_string(),
                    Err(NoAnswer::Impossible(why)) => why,
                    Err(other) => format!("{other:?}"),
                }
            }
            Err(why) => format!("refused: {why}"),
        };
        if found != answer {
            wrong.push(format!("{require} => {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Expressions of words thrown together: each is refused with a place within it, or can be asked.
#[test]
fn soups_of_words_end_no_run() {
    const WORDS: [&str; 48] = [
        "user",
        ".",
        "key",
        "teams",
        "fields",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "?",
        "&&",
        "||",
        "!",
        "==",
        "!=",
        "<",
        ">=",
        "+",
        "-",
        "*",
        "/",
        "%",
        "in",
        "'a'",
        "\"b\"",
        "r'c'",
        "1",
        "1u",
        "1.5",
        "true",
        "null",
        "has",
        "all",
        "exists_one",
        "map",
        "filter",
        "x",
        "size",
        "matches",
        "now",
        "b'x'",
        "`a b`",
        "é",
        "\n",
    ];
    let mut seed = 7_u64;
    let mut dice = |most: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap_or(0) % most
    };
    let ana = user(&[("key", Value::text("a")), ("teams", Value::texts(["a"]))]);
    let mut asked = 0;
    for _ in 0..500 {
        let words: Vec<&str> = (0..=dice(9)).map(|_| WORDS[dice(WORDS.len())]).collect();
        let require = words.join(if dice(2) == 0 { "" } else { " " });
        match parse(AskedOf::User, &require) {
            Ok(policy) => {
                asked += 1;
                let _ =
                    policy.holds(&[("user", ana.clone()), ("now", Value::time(None))], &mut Budget::for_questions(1));
            }
            Err(Unusable { offset, message, help }) => {
                assert!(require.is_char_boundary(offset) && !help.is_empty(), "{require}: {offset}");
                assert_ne!(message, "it can't be parsed", "the parser gave up at: {require}");
            }
        }
    }
    assert!(asked > 0, "nothing was an expression");
}
