"""Which world a walk goes through."""

import pytest

from smtplab.lab.bad_input import BadInput
from smtplab.lab.choice import choose_world
from smtplab.lab.request import WalkRequest
from smtplab.wire.address import Mailbox


def chosen(domain: str, **options: object) -> str | None:
    return choose_world(WalkRequest(recipient=f"an@{domain}", **options), Mailbox("an", domain))


@pytest.mark.parametrize("domain", ["hust.example", "HUST.EXAMPLE", "a.b.test", "invalid", "x.invalid."])
def test_a_reserved_domain_is_walked_in_the_campus(domain):
    assert chosen(domain) == "campus"


@pytest.mark.parametrize("domain", ["example.com", "hust.edu.vn", "example.org", "[192.0.2.1]", "test.vn", "localhost"])
def test_every_other_domain_is_walked_live(domain):
    assert chosen(domain) is None


@pytest.mark.parametrize(
    "options",
    [{"live": True}, {"server": "mx.example"}, {"dns": "127.0.0.1"}, {"resolve": (("mx.example", "127.0.0.1"),)}],
)
def test_what_means_the_real_internet_overrides_a_reserved_domain(options):
    assert chosen("hust.example", **options) is None


def test_sim_overrides_a_real_domain():
    assert chosen("hust.edu.vn", sim="campus") == "campus"


@pytest.mark.parametrize(
    "options", [{"live": True}, {"server": "mx.example"}, {"dns": "::1"}, {"helo": "here"}, {"tls": "verify"}]
)
def test_sim_beside_what_no_world_heeds_is_refused(options):
    with pytest.raises(BadInput) as caught:
        chosen("hust.example", sim="campus", **options)
    assert caught.value.text == "cli.not-both"


def test_an_option_that_no_world_heeds_is_never_ignored():
    with pytest.raises(BadInput) as caught:
        chosen("hust.example", timeout_s=1.0)
    assert (caught.value.text, caught.value.arguments["option"]) == ("cli.live-only", "--timeout")


def test_a_seed_means_nothing_in_the_real_internet():
    with pytest.raises(BadInput):
        chosen("hust.edu.vn", seed=1)
