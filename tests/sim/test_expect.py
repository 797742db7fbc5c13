import datetime as dt
from importlib import resources

import pytest

from smtplab import events as ev
from smtplab.journal import Record
from smtplab.sim.expect import Expectation, Expectations, Pattern
from smtplab.sim.library import WorldError, parse_world
from smtplab.sim.until import parse_until
from smtplab.view.texts import Texts


def records_of(*events: ev.Event) -> list[Record]:
    return [Record(seq, 0, 0, 1, "mx.example", "queue/1", "queue", event) for seq, event in enumerate(events, 1)]


BOUNCED = ev.Bounced("1", "a@x.example", "5.1.1", "550 5.1.1 No")
TOLD = records_of(
    ev.Queued("1"), ev.Deferred("1", "a@x.example", "", "450 Later"), BOUNCED, ev.Dequeued("1", "bounced")
)


@pytest.mark.parametrize(
    ("expectation", "held", "seen"),
    [
        (Expectation(event="bounced"), True, 1),
        (Expectation(event="delivered"), False, 0),
        (Expectation(event="delivered", count=0), True, 0),
        (Expectation(event="bounced", max=0), False, 1),
        (Expectation(event="bounced", where={"status": "5.*", "hop": 1, "node": "mx.example"}), True, 1),
        (Expectation(event="bounced", where={"status": "4.*"}), False, 0),
        (Expectation(event="bounced", count=2), False, 1),
        (Expectation(event="deferred", before=Pattern(event="bounced")), True, 1),
        (Expectation(event="bounced", before=Pattern(event="deferred")), False, 1),
        (Expectation(event="bounced", after=Pattern(event="queued")), True, 1),
        (Expectation(event="bounced", after=Pattern(event="delivered")), False, 1),
        (Expectation(event="delivered", count=0, after=Pattern(event="bounced")), True, 0),
        (Expectation(event="delivered", count=0, after=Pattern(event="bounce_sent")), False, 0),
        (Expectation(event="delivered", after=Pattern(event="bounced")), False, 0),
    ],
)
def test_an_expectation_holds_or_not(expectation: Expectation, held: bool, seen: int):
    reader = Expectations((expectation,))
    for record in TOLD:
        reader.read(record)
    (verdict,) = reader.verdicts()
    assert (verdict.held, verdict.seen) == (held, seen)


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ('event = "delivered"', 'event = "arrived"', "$.expectations[0].event"),
        ('mailbox = "minh', 'inbox = "minh', "$.expectations[0].where.inbox"),
        ('after = { event = "queued" }', 'after = { event = "later" }', "$.expectations[0].after.event"),
        ("count = 1", "count = -1", "$.expectations[0].count"),
        ("count = 1", "number = 1", "$.expectations[0]"),
        ('sender = "lan@home.example"', 'sender = "minh@away.example"', "$.journeys[0].sender"),
        ('recipients = ["minh@away.example"]', "recipients = []", "$.journeys[0].recipients"),
        ('recipients = ["minh@away.example"]', 'recipients = ["m..h@away.example"]', "$.journeys[0].recipients[0]"),
        ('recipients = ["minh@away.example"]', 'recipients = ["m@x.example"]\nagent = "pc"', "$.journeys[0].agent"),
    ],
)
def test_a_mistake_is_told_with_its_path(first_mail: str, old: str, new: str, path: str):
    assert old in first_mail
    with pytest.raises(WorldError) as told:
        parse_world(first_mail.replace(old, new), "mine.toml")
    assert path in Texts("en").told(told.value.told)


@pytest.fixture
def first_mail() -> str:
    return resources.files("smtplab").joinpath("worlds", "first-mail.toml").read_text("utf-8")


@pytest.mark.parametrize(
    ("text", "until"), [("5d", 432000.0), ("1h30m", 5400.0), ("90s", 90.0), ("2min", 120.0), ("bounced", "bounced")]
)
def test_how_far_to_play_may_be_a_time_or_an_event(text: str, until: float | str):
    assert parse_until(text) == until


@pytest.mark.parametrize("text", ["", "5", "d", "tomorrow", "5d later", "-1h"])
def test_anything_else_is_refused(text: str):
    with pytest.raises(ValueError, match=f"^{text}$"):
        parse_until(text)


@pytest.mark.parametrize(
    ("expectation", "failed", "settled"),
    [
        (Expectation(event="bounced"), False, True),
        (Expectation(event="bounced", count=1), False, False),
        (Expectation(event="bounced", count=0), True, True),
        (Expectation(event="bounced", max=1), False, False),
        (Expectation(event="delivered"), False, False),
        (Expectation(event="bounced", before=Pattern(event="deferred")), True, True),
        (Expectation(event="bounced", after=Pattern(event="delivered")), True, True),
        (Expectation(event="bounced", min=2, after=Pattern(event="queued")), False, False),
    ],
)
def test_a_run_that_was_cut_short_judges_only_what_nothing_could_turn(
    expectation: Expectation, failed: bool, settled: bool
):
    reader = Expectations((expectation,))
    for record in TOLD:
        reader.read(record)
    (verdict,) = reader.verdicts(cut=True)
    assert (verdict.failed, verdict.settled) == (failed, settled)


def test_an_end_may_be_a_time_of_the_worlds_clock():
    start = dt.datetime(2026, 11, 23, 13, 0, tzinfo=dt.timezone(dt.timedelta(hours=7)))
    ends = [parse_until(text, start) for text in ("6:30", "05:00", "2026-11-24T08:00Z", "2026-11-23T13:00:01+07:00")]
    assert ends == [1800.0, 82800.0, 93600.0, 1.0]
    for text in ("25:00", "2026-11-22T08:00Z", "soon"):
        with pytest.raises(ValueError, match=text):
            parse_until(text, start)
