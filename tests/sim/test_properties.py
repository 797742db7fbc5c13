from typing import Any

import msgspec
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from smtplab import events as ev
from smtplab.journal import Record
from smtplab.mta.behaviour.faults import (
    Allow,
    Announce,
    BareDot,
    BrokenReply,
    Certificate,
    Delay,
    DiskFull,
    DnsChange,
    Drip,
    Drop,
    Garble,
    Handshake,
    Refuse,
    Reset,
    ServerFailure,
    Shutdown,
    Silence,
    SizeLie,
    StripStarttls,
    When,
    WrongReply,
)
from smtplab.sim.library import load_world
from smtplab.sim.run import Played, play
from smtplab.sim.world import Alias, Greylisting, RateLimit, Trip, User, World

HOUR = 3600.0
BASE = load_world("backup-mx")
MX1, MX2, HOME, NS = "mx1.office.example", "mx2.south.example", "mail.home.example", "ns.vnet.example"
STAGES = st.sampled_from(["greeting", "ehlo", "tls", "auth", "mail", "rcpt", "data", "content", "quit", "other", "any"])
SERVERS = st.sampled_from([MX1, MX2, HOME])
WHENS = st.builds(
    When,
    after=st.integers(0, 3),
    from_s=st.sampled_from([0.0, 1.0, HOUR, 20 * HOUR]),
    until_s=st.sampled_from([None, 2.0, 2 * HOUR, 60 * HOUR]),
    recipient=st.sampled_from(["", "", "r1@*", "*"]),
    sender=st.sampled_from(["", "", "<>", "lan@*"]),
    tls=st.sampled_from([None, None, True, False]),
    chance=st.sampled_from([1.0, 1.0, 0.5]),
    per=st.sampled_from(["server", "client", "session", "sender", "recipient", "triplet"]),
)
TERMS: dict[str, Any] = {"when": WHENS, "count": st.sampled_from([None, 1, 3])}
ANYWHERE: dict[str, Any] = {"where": SERVERS, **TERMS}
AT_STAGES: dict[str, Any] = {"stage": STAGES, **ANYWHERE}
TURNED = BASE.zones[3].text.replace("10 mx1", "30 mx1")
FAULTS = st.one_of(
    *(st.builds(kind, **AT_STAGES) for kind in (Allow, Refuse, Reset, Drop, Silence, Garble)),
    # Beyond the client's patience a message may arrive twice, and nobody is to blame (RFC 1047).
    st.builds(Delay, seconds=st.sampled_from([0.5, 30.0, 290.0]), **AT_STAGES),
    st.builds(Drip, every_s=st.sampled_from([0.1, 2.0]), **AT_STAGES),
    st.builds(WrongReply, code=st.sampled_from([250, 251]), stage=st.sampled_from(["mail", "rcpt"]), **ANYWHERE),
    st.builds(WrongReply, code=st.just(354), stage=st.sampled_from(["greeting", "ehlo", "quit"]), **ANYWHERE),
    st.builds(WrongReply, code=st.sampled_from([421, 450, 452, 550]), **AT_STAGES),
    st.builds(BrokenReply, how=st.sampled_from(["codes-differ", "unfinished", "no-code", "bare-lf"]), **AT_STAGES),
    *(st.builds(kind, stage=st.just("connect"), **ANYWHERE) for kind in (Refuse, Reset, Drop, Silence)),
    st.builds(Delay, stage=st.just("connect"), seconds=st.sampled_from([1.0, 40.0]), **ANYWHERE),
    st.builds(Delay, stage=st.just("dns"), seconds=st.sampled_from([1.0, 40.0]), where=st.just(NS), **TERMS),
    st.builds(Silence, stage=st.just("connect"), where=st.just("the line"), **TERMS),
    *(st.builds(kind, stage=st.just("dns"), where=st.just(NS), **TERMS) for kind in (Refuse, Silence)),
    st.builds(ServerFailure, where=st.just(NS), **TERMS),
    st.builds(Shutdown, messages=st.integers(0, 3), **ANYWHERE),
    st.builds(DiskFull, **ANYWHERE),
    st.builds(Certificate, how=st.sampled_from(["expired", "wrong-name", "self-signed"]), **ANYWHERE),
    st.builds(Handshake, how=st.sampled_from(["garbage", "silence", "reset"]), **ANYWHERE),
    st.builds(
        Announce,
        add=st.sampled_from([(), ("SIZE 100",), ("SMTPUTF8", "BINARYMIME"), ("PIPELINING",), ("AUTH PLAIN",)]),
        hide=st.sampled_from([(), ("PIPELINING",), ("SIZE", "8BITMIME"), ("STARTTLS",), ("AUTH",)]),
        dishonour=st.sampled_from([(), ("CHUNKING",), ("SIZE",), ("8BITMIME",), ("STARTTLS",)]),
        **ANYWHERE,
    ),
    st.builds(SizeLie, announced=st.sampled_from([0, 100, 10**9]), real=st.sampled_from([None, 200, 3000]), **ANYWHERE),
    st.builds(BareDot, **ANYWHERE),
    st.builds(StripStarttls, where=st.just("the line"), **TERMS),
    st.builds(DnsChange, where=st.just("office.example"), when=WHENS, text=st.just(TURNED)),
)  # fmt: skip


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Lan writes to people in an office with two MX, about whom anything may be wrong."""
    people = [f"r{number}@office.example" for number in range(6)]
    known = draw(st.dictionaries(st.sampled_from(people), st.sampled_from(["active", "active", "full", "suspended"])))
    aliases = draw(st.sets(st.sampled_from(people)))
    left = list(people)
    trips = []
    for number in range(draw(st.integers(1, 3))):
        count = draw(st.integers(1, 2))
        at_s = draw(st.sampled_from([0.0, 0.01, 300.0, HOUR]))
        size = draw(st.sampled_from([None, None, 5000]))
        trips.append(Trip("lan@home.example", tuple(left[:count]), at_s=at_s + number / 1000, size_octets=size))
        left = left[count:]
    manner = draw(st.sampled_from(["plain", "postfix", "exim", "exchange", "gmail"]))
    one, other = BASE.host(MX1).software, BASE.host(MX2).software
    limits = {
        "size_octets_max": draw(st.sampled_from([None, 4000])),
        "recipients_max": draw(st.sampled_from([None, 1])),
    }
    changes = {
        HOME: {"lifetime_s": 86400.0, "tls": draw(st.sampled_from(["none", "may", "may", "require", "verify"]))},
        MX1: {"software": msgspec.structs.replace(one, manner=manner, **limits)},
        MX2: {
            "software": msgspec.structs.replace(other, dialect=draw(st.sampled_from(["esmtp", "esmtp", "smtp"]))),
            "lifetime_s": 86400.0,
            "greylisting": draw(st.sampled_from([None, Greylisting(300.0)])),
            "rate_limit": draw(st.sampled_from([None, RateLimit(1, 600.0)])),
        },
    }
    # Who has another name too gets his mail by that alone.
    at = {other_name(who) if who in aliases else who: state for who, state in sorted(known.items())}
    users = tuple(User(address, "R", state=state) for address, state in at.items())
    loss, bits = draw(st.sampled_from([0.0, 0.1])), draw(st.sampled_from([None, 9600.0]))
    return msgspec.structs.replace(
        BASE,
        seed=draw(st.integers(0, 5)),
        faults=tuple(draw(st.lists(FAULTS, max_size=4))),
        hosts=tuple(msgspec.structs.replace(host, **changes.get(host.name, {})) for host in BASE.hosts),
        links=tuple(
            msgspec.structs.replace(link, name="the line", loss=loss, bits_per_s=bits) if "home" in link.sites else link
            for link in BASE.links
        ),
        users=(BASE.users[0], *users),
        aliases=tuple(Alias(who, (other_name(who),)) for who in sorted(aliases)),
        journeys=tuple(trips),
        expectations=(),
    )


def other_name(who: str) -> str:
    """For whom an alias of this name stands."""
    return f"other-{who}"


def accepted(records: list[Record], world: World) -> dict[str, bool]:
    """By recipient: did the sender's program hear that its server took the message for it?"""
    found = {}
    for number, trip in enumerate(world.journeys, 1):
        mine = [
            r.event for r in records if r.node == "laptop.home.example" and f"{r.span}/".startswith(f"submit/{number}/")
        ]
        replies = [event for event in mine if isinstance(event, ev.ReplyReceived)]
        taken = any(reply.verb == "." and reply.code == 250 for reply in replies)
        rcpts = [reply.code in (250, 251) for reply in replies if reply.verb == "RCPT"]
        rcpts += [False] * len(trip.recipients)
        found |= {who: taken and ok for who, ok in zip(trip.recipients, rcpts, strict=False)}
    return found


def ends(records: list[Record], played: Played, who: str) -> list[str]:
    """Every end that this recipient's message came to."""
    names = (who, other_name(who))
    delivered = ["delivered" for name in names for _ in played.mailboxes.get(name, ())]
    bounced = ["bounced" for r in records if isinstance(r.event, ev.Bounced) and r.event.recipient in names]
    queued = ["queued" for one in played.queued for other in one.entry.envelope.recipients if str(other) in names]
    return delivered + bounced + queued


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(worlds(), st.sampled_from([None, None, HOUR, 30 * HOUR]))
def test_each_recipient_of_each_accepted_message_ends_as_exactly_one_of_delivered_bounced_or_queued(
    world: World, until: float | None
):
    note(f"world and seed: {msgspec.json.encode(world).decode()}")
    records: list[Record] = []
    played = play(world, None, until, records.append)
    told = accepted(records, world)
    assert {who: ends(records, played, who) for who, taken in told.items() if not taken} == {
        who: [] for who, taken in told.items() if not taken
    }
    several = {who: ends(records, played, who) for who, taken in told.items() if taken}
    assert all(len(found) == 1 for found in several.values()), several
    if until is None:
        assert played.queued == ()


@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(worlds())
def test_a_drawn_world_plays_the_same_twice(world: World):
    note(f"world and seed: {msgspec.json.encode(world).decode()}")
    first: list[Record] = []
    second: list[Record] = []
    play(world, None, None, first.append)
    play(world, None, None, second.append)
    assert first == second
