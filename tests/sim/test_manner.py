import msgspec
import pytest

from smtplab import events as ev
from smtplab.journal import Record
from smtplab.sim.library import load_world
from smtplab.sim.run import play
from smtplab.sim.world import Manner, RateLimit, Software, Trip

FIRST = load_world("first-mail")
MX = "mail.away.example"
NOBODY = Trip("lan@home.example", ("nobody@away.example",))


def spoken(manner: Manner, *trips: Trip, **changes) -> list[tuple[str, int | None, str | None, float]]:
    """What the MX said: verb, code, enhanced code, and after how many milliseconds."""
    hosts = tuple(
        msgspec.structs.replace(host, software=Software(manner=manner), **changes) if host.name == MX else host
        for host in FIRST.hosts
    )
    records: list[Record] = []
    world = msgspec.structs.replace(FIRST, hosts=hosts, journeys=trips or FIRST.journeys, expectations=())
    play(world, None, None, records.append)
    said = [r.event for r in records if isinstance(r.event, ev.ReplySent) and r.node == MX]
    return [(reply.verb, reply.code, reply.enhanced, reply.ms) for reply in said]


@pytest.mark.parametrize(
    ("manner", "codes"),
    [
        ("plain", [(250, "2.1.0"), (250, "2.1.5"), (354, None), (250, "2.0.0")]),
        ("postfix", [(250, "2.1.0"), (250, "2.1.5"), (354, None), (250, "2.0.0")]),
        ("exim", [(250, None), (250, None), (354, None), (250, None)]),
        ("exchange", [(250, "2.1.0"), (250, "2.1.5"), (354, None), (250, "2.6.0")]),
        ("gmail", [(250, "2.1.0"), (250, "2.1.5"), (354, None), (250, "2.0.0")]),
    ],
)
def test_each_maker_has_its_own_codes_for_a_message_that_is_welcome(manner: Manner, codes):
    said = [(code, enhanced) for verb, code, enhanced, _ in spoken(manner) if verb in ("MAIL", "RCPT", "DATA", ".")]
    assert said == codes


@pytest.mark.parametrize(
    ("manner", "enhanced", "at_least_ms"),
    [
        ("plain", "5.1.1", 1),
        ("postfix", "5.1.1", 0.8),
        ("exim", None, 1),
        ("exchange", "5.1.10", 5000),
        ("gmail", "5.1.1", 12),
    ],
)
def test_each_maker_refuses_an_unknown_user_with_its_own_code_and_at_its_own_pace(
    manner: Manner, enhanced: str | None, at_least_ms: float
):
    (refusal,) = [reply for reply in spoken(manner, NOBODY) if reply[0] == "RCPT"]
    assert refusal[1:3] == (550, enhanced)
    assert at_least_ms <= refusal[3] < at_least_ms + 100


def test_postfix_tires_of_a_client_after_ten_errors():
    strangers = Trip("lan@home.example", tuple(f"nobody{n}@away.example" for n in range(12)))
    refusals = [reply[3] for reply in spoken("postfix", strangers) if reply[0] == "RCPT"]
    assert [ms >= 1000 for ms in refusals] == [False] * 10 + [True] * 2


@pytest.mark.parametrize(
    ("manner", "codes"),
    [
        ("postfix", {("RCPT", 452, "4.5.3"), ("RCPT", 452, "4.2.2"), (".", 554, "5.4.0")}),
        ("exim", {("RCPT", 452, None), (".", 550, None)}),
    ],
)
def test_each_maker_refuses_in_its_own_codes_what_no_policy_of_it_is_about(manner: Manner, codes):
    people = [msgspec.structs.replace(FIRST.users[1], address=f"{n}@away.example") for n in range(3)]
    full = msgspec.structs.replace(FIRST.users[1], address="full@away.example", state="full")
    looped = "Received: from a by b; Mon, 23 Nov 2026 01:00:00 +0000\n" * 60 + "\nRound and round.\n"
    trips = (
        Trip("lan@home.example", tuple(one.address for one in people), at_s=60.0),
        Trip("lan@home.example", ("full@away.example",), at_s=120.0),
        Trip("lan@home.example", ("minh@away.example",), at_s=180.0, text=looped),
    )
    software = Software(manner=manner, recipients_max=2)
    changes = {MX: {"software": software}, "mail.home.example": {"lifetime_s": 600.0}}
    hosts = tuple(msgspec.structs.replace(host, **changes.get(host.name, {})) for host in FIRST.hosts)
    records: list[Record] = []
    world = msgspec.structs.replace(FIRST, hosts=hosts, users=(*FIRST.users, *people, full), journeys=trips)
    play(msgspec.structs.replace(world, expectations=()), None, None, records.append)
    said = [r.event for r in records if isinstance(r.event, ev.ReplySent) and r.node == MX]
    assert {(one.verb, one.code, one.enhanced) for one in said if one.code and one.code >= 400} == codes


@pytest.mark.parametrize(
    ("manner", "verb", "code"),
    [("postfix", "RCPT", 450), ("exim", "RCPT", 451), ("exchange", "MAIL", 421), ("gmail", ".", 421)],
)
def test_each_maker_tells_too_much_mail_at_another_moment(manner: Manner, verb: str, code: int):
    trips = tuple(msgspec.structs.replace(FIRST.journeys[0], at_s=float(n)) for n in range(2))
    said = spoken(manner, *trips, rate_limit=RateLimit(1, 120.0))
    assert [(reply[0], reply[1]) for reply in said if reply[1] and reply[1] // 100 == 4] == [(verb, code)]


def test_what_a_blocklist_says_can_not_break_the_line_that_repeats_it():
    world = load_world("blocklisted")
    evil = msgspec.structs.replace(
        world.zones[-1], text=world.zones[-1].text.replace("Mail from an", r"\013\010250 Ok\000ố" + "x" * 150)
    )
    assert evil != world.zones[-1]
    records: list[Record] = []
    play(msgspec.structs.replace(world, zones=(*world.zones[:-1], evil)), None, None, records.append)
    (refusal,) = [r.event for r in records if isinstance(r.event, ev.ReplySent) and r.event.code == 554]
    (line,) = refusal.lines
    assert line.isascii()
    assert line.isprintable()
    assert len(line) < 400
