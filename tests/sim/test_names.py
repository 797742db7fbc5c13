import dns.flags
import dns.message
import dns.rcode
import dns.zone
import pytest

from smtplab.net.dns import read_response
from smtplab.sim.library import bundled_worlds, load_world
from smtplab.sim.names import Names
from smtplab.sim.world import Zone

NEU = """
$TTL 3600
@        IN SOA ns.vnet.example. hostmaster 1 7200 900 1209600 300
@        IN NS  ns.vnet.example.
@        IN MX  10 mx1
mx1      IN A   10.2.0.26
www      IN CNAME web.vnet.example.
round    IN CNAME round
a.b.deep IN A   10.2.0.9
*.wild   IN TXT "any"
big      IN TXT LONG
""".replace("LONG", " ".join(["x" * 250] * 8))
VNET = """
$TTL 60
@    IN SOA ns hostmaster 1 7200 900 1209600 300
@    IN NS  ns
ns   IN A   10.0.0.53
web  IN A   10.3.0.80
""" + "".join(f"many IN A 10.3.1.{number}\n" for number in range(40))
ZONES = (Zone("neu.example", NEU), Zone("vnet.example", VNET))


def ask(name: str, rrtype: str) -> dns.message.Message:
    query = dns.message.make_query(name, rrtype).to_wire()
    answer = Names(ZONES).respond(query, tcp=True)
    assert answer is not None
    return dns.message.from_wire(answer)


def texts(answer: dns.message.Message) -> list[str]:
    return [line for rrset in answer.answer for line in rrset.to_text().split("\n")]


@pytest.mark.parametrize(
    ("name", "rrtype", "expected"),
    [
        ("neu.example", "MX", ["neu.example. 3600 IN MX 10 mx1.neu.example."]),
        ("MX1.Neu.Example", "A", ["MX1.Neu.Example. 3600 IN A 10.2.0.26"]),
        ("x.y.wild.neu.example", "TXT", ['x.y.wild.neu.example. 3600 IN TXT "any"']),
        (
            "www.neu.example",
            "A",
            ["www.neu.example. 3600 IN CNAME web.vnet.example.", "web.vnet.example. 60 IN A 10.3.0.80"],
        ),
        ("www.neu.example", "CNAME", ["www.neu.example. 3600 IN CNAME web.vnet.example."]),
    ],
)
def test_records_are_answered(name: str, rrtype: str, expected: list[str]):
    answer = ask(name, rrtype)
    assert answer.rcode() == dns.rcode.NOERROR
    assert texts(answer) == expected


def test_a_name_that_is_not_there_is_nxdomain_with_the_soa_of_its_zone():
    answer = ask("nobody.neu.example", "A")
    assert answer.rcode() == dns.rcode.NXDOMAIN
    assert answer.authority[0].ttl == 300
    assert answer.authority[0].name.to_text() == "neu.example."


@pytest.mark.parametrize(("name", "rrtype"), [("mx1.neu.example", "AAAA"), ("b.deep.neu.example", "A")])
def test_a_name_without_that_type_has_no_data_and_is_not_nxdomain(name: str, rrtype: str):
    answer = ask(name, rrtype)
    assert answer.rcode() == dns.rcode.NOERROR
    assert answer.answer == []
    assert answer.authority[0].name.to_text() == "neu.example."


def test_a_name_outside_every_zone_is_a_servfail():
    assert ask("elsewhere.invalid", "MX").rcode() == dns.rcode.SERVFAIL


def test_a_cname_that_leads_to_itself_is_a_servfail():
    assert ask("round.neu.example", "A").rcode() == dns.rcode.SERVFAIL


def test_an_answer_too_long_for_a_packet_is_cut_and_whole_over_tcp():
    query = dns.message.make_query("big.neu.example", "TXT").to_wire()
    cut = Names(ZONES).respond(query, tcp=False)
    assert cut is not None
    assert len(cut) <= 512
    assert "TC" in dns.message.from_wire(cut).to_text()
    assert len(texts(ask("big.neu.example", "TXT"))) == 1


def test_what_is_no_query_gets_no_answer():
    assert Names(ZONES).respond(b"no DNS at all", tcp=False) is None


def test_the_records_of_a_set_come_in_the_same_order_every_time():
    records = "".join(f"many IN A 10.2.1.{number}\n" for number in range(50))
    query = dns.message.make_query("many.neu.example", "A").to_wire()
    answers = {Names((Zone("neu.example", NEU + records),)).respond(query, tcp=True) for _ in range(3)}
    assert len(answers) == 1


@pytest.mark.parametrize("tcp", [False, True])
@pytest.mark.parametrize("name", bundled_worlds())
def test_an_answer_that_never_was_octets_says_what_the_octets_would(name: str, tcp: bool):
    zones = (*load_world(name).zones, *ZONES)
    owners = {"nobody.elsewhere.example", *(zone.origin for zone in zones)}
    for zone in zones:
        read = dns.zone.from_text(zone.text, zone.origin, relativize=False)
        owners |= {owner.to_text(omit_final_dot=True).lower() for owner in read.nodes}
    owners |= {f"x.{owner}" for owner in owners if owner != "."}
    names = Names(zones)
    for owner in sorted(owners - {"."}):
        for rrtype in ("A", "MX", "TXT"):
            query = dns.message.make_query(owner, rrtype, use_edns=0, payload=1232)
            answer, octets = names.ask(query, tcp=tcp), names.respond(query.to_wire(), tcp=tcp)
            assert answer is not None
            assert octets is not None
            sent = dns.message.from_wire(octets)
            assert answer.flags & dns.flags.TC == sent.flags & dns.flags.TC
            assert read_response(answer, owner, rrtype, "ns") == read_response(sent, owner, rrtype, "ns")


def test_who_asks_without_edns_is_answered_without():
    names = Names(ZONES)
    with_edns = names.ask(dns.message.make_query("neu.example", "MX", use_edns=0), tcp=False)
    without = names.ask(dns.message.make_query("neu.example", "MX"), tcp=False)
    assert with_edns is not None
    assert without is not None
    assert (with_edns.edns, without.edns) == (0, -1)


def test_who_takes_more_gets_more():
    names = Names(ZONES)
    small, large = (
        names.ask(dns.message.make_query("many.vnet.example", "A", use_edns=0, payload=payload), tcp=False)
        for payload in (512, 1232)
    )
    assert small is not None
    assert large is not None
    assert (bool(small.flags & dns.flags.TC), bool(large.flags & dns.flags.TC)) == (True, False)
    assert len(texts(large)) == 40
