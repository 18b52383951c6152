//! Invitations whose end nobody knows: looked up, and never sent twice.

use super::*;

/// Leaves an intent of an invitation in the journal, as a killed run does.
fn kill_while_inviting(bench: &mut Bench) -> rollcall::plan::Action {
    let after = [("status", "invited")];
    let invitation = action(&mut bench.names, ActionKind::InviteUser, "zoe@example.com", None, Some(&after), &[]);
    let mut journal = bench.disk.open().unwrap();
    let (who, store) = (Who::default(), "1".to_owned());
    journal.begin(Run { id: "run-0".to_owned(), who, plan: "sha256:00".to_owned(), store });
    journal.intents(&bench.names, clock(), [&invitation]).unwrap();
    invitation
}

#[test]
fn an_open_invitation_is_looked_up_and_never_sent_twice() {
    // It had arrived.
    let mut bench = Bench::new();
    kill_while_inviting(&mut bench);
    let account = Account { status: Status::Active, given_name: None, sent: Some(clock()) };
    bench.store.accounts.insert("zoe@example.com".to_owned(), account);
    let report = bench.apply(&plan(Vec::new()));
    assert_eq!(report.looked_up[0].found, LookedUp::Achieved, "accepted in the meantime");
    assert_eq!(report.looked_up[0].run, "run-0");
    assert_eq!(bench.disk.open().unwrap().open_intents().count(), 0);
    assert!(bench.log.entries().contains(&"told invite_user zoe@example.com".to_owned()));

    // It had not: the plan may send it.
    let mut bench = Bench::new();
    let invitation = kill_while_inviting(&mut bench);
    let report = bench.apply(&plan(vec![invitation]));
    assert_eq!(report.looked_up[0].found, LookedUp::NotAchieved);
    assert_eq!(words(&report), [OutcomeWord::Done]);

    // The store can't tell: it is reported and not repeated, and stays open.
    let mut bench = Bench::new();
    let invitation = kill_while_inviting(&mut bench);
    bench.store.partial = true;
    let other = bench.create("li", &[0]);
    let report = bench.apply(&plan(vec![invitation, other]));
    assert_eq!(report.looked_up[0].found, LookedUp::Unknown);
    assert_eq!(words(&report), [OutcomeWord::Unknown, OutcomeWord::Skipped]);
    assert!(bench.log.executed().is_empty());
    assert_eq!(report.verdict(), Verdict::NothingWritten);
    assert_eq!(bench.disk.open().unwrap().open_intents().count(), 1);

    // It was meant for another store: it stays open until there is a plan for that one.
    let mut bench = Bench::new();
    kill_while_inviting(&mut bench);
    let mut elsewhere = plan(Vec::new()).plan().clone();
    elsewhere.store.id = "2".to_owned();
    assert!(bench.apply(&unguarded(elsewhere)).looked_up.is_empty());
    assert_eq!(bench.disk.open().unwrap().open_intents().count(), 1);

    // The store is away: nothing is begun.
    let mut bench = Bench::new();
    let invitation = kill_while_inviting(&mut bench);
    bench.store.reads_fail = 3;
    assert!(matches!(bench.try_apply(&plan(vec![invitation])), Err(ApplyError::Store(_))));
    assert!(bench.log.executed().is_empty());
}

#[test]
fn an_invitation_sent_again_is_told_from_the_old_one() {
    let pending = [("invitation", "pending")];
    for (behaviour, word) in
        [(Behaviour::LosesTheAnswer, OutcomeWord::Done), (Behaviour::LosesTheQuestion, OutcomeWord::Failed)]
    {
        let mut bench = Bench::new();
        let account = Account { status: Status::Invited, given_name: None, sent: Some(Timestamp::UNIX_EPOCH) };
        bench.store.accounts.insert("zoe@example.com".to_owned(), account);
        bench.behaves("zoe", behaviour);
        let kind = ActionKind::ResendInvitation;
        let again = action(&mut bench.names, kind, "zoe@example.com", Some(&pending), Some(&pending), &[]);
        assert_eq!(words(&bench.apply(&plan(vec![again]))), [word], "{behaviour:?}");
    }
}
