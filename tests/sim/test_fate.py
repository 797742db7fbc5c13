import asyncio

from smtplab import events as ev
from smtplab.journal import Journal
from smtplab.mta.outcome import Judgement, RecipientOutcome
from smtplab.sim.fate import Fate, Fates
from smtplab.wire.address import Mailbox

ACCEPTED = Judgement("accepted", "data", 250, "2.0.0", "reply", "queued")


def fate_of(*told: tuple[str, ev.Event], submission: Judgement = ACCEPTED) -> tuple[ev.JourneyEnded, bool]:
    async def read() -> tuple[ev.JourneyEnded, bool]:
        fate = Fate("Student@hust.example")
        journal = Journal(lambda: 0.0, fate.read)
        for node, event in told:
            journal.scope(node=node, hop=1, span="")(event)
        return fate.ended(submission), fate.resting.is_set()

    return asyncio.run(read())


def test_delivery_into_the_mailbox_is_the_end():
    ended, _ = fate_of(("mx1", ev.Delivered("Q1", "student@hust.example", "student@hust.example")))
    assert ended == ev.JourneyEnded("delivered", 250, "2.0.0", "in the mailbox of student@hust.example")


def test_the_delivery_of_a_bounce_to_its_sender_is_not_the_fate_of_the_message():
    ended, _ = fate_of(
        ("relay", ev.Bounced("Q1", "student@hust.example", "5.1.2", "no such domain")),
        ("mx1", ev.Delivered("Q2", "student@neu.example", "student@neu.example")),
    )
    assert ended == ev.JourneyEnded("bounced", None, "5.1.2", "no such domain")


def test_a_deferral_rests_and_bears_the_code_that_the_server_gave():
    deferred = ev.Deferred("Q1", "student@hust.example", "2026-11-23T02:00:00Z", "452 4.2.2 Mailbox full")
    ended, resting = fate_of(("relay", deferred))
    assert ended == ev.JourneyEnded("deferred", 452, "4.2.2", "452 4.2.2 Mailbox full")
    assert resting


def test_a_deferral_of_which_no_server_spoke_has_no_code():
    deferred = ev.Deferred("Q1", "student@hust.example", "2026-11-23T02:00:00Z", "timed-out")
    assert fate_of(("relay", deferred))[0] == ev.JourneyEnded("deferred", None, None, "timed-out")


def test_a_bounce_bears_the_code_that_the_server_gave():
    ended, _ = fate_of(("relay", ev.Bounced("Q1", "student@hust.example", "5.1.1", "550 5.1.1 No such user here")))
    assert ended == ev.JourneyEnded("bounced", 550, "5.1.1", "550 5.1.1 No such user here")


def test_a_message_that_no_server_took_ends_as_its_submission_did():
    refused = Judgement("refused", "auth", 535, "5.7.8", "reply", "5.7.8 No", "submission")
    ended, resting = fate_of(submission=refused)
    assert ended == ev.JourneyEnded("refused", 535, "5.7.8", "5.7.8 No")
    assert not resting


def test_an_address_that_stands_for_others_ends_as_the_worst_of_them():
    ended, _ = fate_of(
        ("mx1", ev.Judged("alias", "forwarded", "student@hust.example -> lan@neu.example, ha@neu.example")),
        ("mx2", ev.Bounced("Q2", "ha@neu.example", "5.1.1", "550 5.1.1 No such user here")),
        ("mx2", ev.Delivered("Q2", "lan@neu.example", "lan@neu.example")),
    )
    assert ended == ev.JourneyEnded("bounced", 550, "5.1.1", "550 5.1.1 No such user here")


def test_what_a_list_took_is_delivered_whatever_becomes_of_its_copies():
    ended, _ = fate_of(
        ("mx1", ev.Judged("list", "distributed", "student@hust.example -> lan@neu.example, ha@neu.example")),
        ("mx2", ev.Bounced("Q2", "ha@neu.example", "5.1.1", "550 5.1.1 No such user here")),
    )
    assert ended == ev.JourneyEnded("delivered", 250, "2.0.0", "to the 2 members of the list")


def accepted(*recipients: str) -> list[RecipientOutcome]:
    return [RecipientOutcome(Mailbox(*who.split("@")), ACCEPTED) for who in recipients]


def test_in_a_run_two_addresses_that_stand_for_each_other_end_where_their_submission_did():
    fates = Fates()
    journal = Journal(lambda: 0.0, fates.read)
    scope = journal.scope(node="mx1", hop=1, span="")
    scope(ev.Judged("alias", "forwarded", "a@hust.example -> b@hust.example"))
    scope(ev.Judged("alias", "forwarded", "b@hust.example -> a@hust.example"))
    scope(ev.Judged("alias", "forwarded", "c@hust.example -> lan@neu.example"))
    scope(ev.Delivered("Q2", "lan@neu.example", "lan@neu.example"))
    ends = [fates.end_of(one) for one in accepted("a@hust.example", "c@hust.example")]
    assert [end.result for end in ends] == ["accepted", "delivered"]
