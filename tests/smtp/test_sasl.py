from __future__ import annotations

import base64

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smtplab.mta.accounts import MemoryAccounts
from smtplab.smtp.attempt import Attempt
from smtplab.smtp.auth_shown import AuthStory
from smtplab.smtp.sasl import MECHANISMS, ClientMechanism, SaslTrouble, Secret, choose, start_client
from smtplab.smtp.sasl_server import ServerMechanism, start_server
from smtplab.smtp.sasl_steps import Challenge, Claimed, Denied, Identified, Step
from smtplab.smtp.saslprep import saslprep
from smtplab.smtp.scram import Binding, Verifier, make_verifier

ACCOUNTS = MemoryAccounts({"user": Secret("mật khẩu"), "tên,=": Secret("token")})
BINDING = Binding("tls-server-end-point", b"\x01\x02")
BY_PASSWORD = [name for name in MECHANISMS if name not in ("XOAUTH2", "OAUTHBEARER", "EXTERNAL")]


def attempt(**how: object) -> Attempt:
    given = {"accounts": ACCOUNTS, "challenge": lambda: b"<1.2@mx.example>", "nonce": lambda: "of-server"} | how
    return Attempt(**given)  # type: ignore[arg-type]


def started(mechanism: str, user: str, password: str, **how: object) -> ClientMechanism:
    client = start_client(mechanism, user, Secret(password), lambda: "nonce", **how)  # type: ignore[arg-type]
    assert client is not None
    return client


def serving(mechanism: str, **how: object) -> ServerMechanism:
    server = start_server(mechanism, attempt(**how))
    assert server is not None
    return server


def checked(server: ServerMechanism, step: Step) -> Step:
    """As a driver does: whoever keeps the accounts says whether what was shown is right."""
    if not isinstance(step, Claimed):
        return step
    return Identified(step.user) if ACCOUNTS.check(step) else server.refuse(step.user)


def exchange(client: ClientMechanism, server: ServerMechanism) -> Step | SaslTrouble:
    step = checked(server, server.start(client.initial))
    while isinstance(step, Challenge):
        response = client.respond(step.data)
        if isinstance(response, SaslTrouble):
            return response
        step = checked(server, server.receive(response))
    return step


@pytest.mark.parametrize("mechanism", BY_PASSWORD)
def test_the_right_password_identifies_and_a_wrong_one_is_denied(mechanism: str) -> None:
    bound = {"binding": BINDING} if mechanism.endswith("-PLUS") else {}

    def outcome(user: str, password: str) -> Step | SaslTrouble:
        return exchange(started(mechanism, user, password, **bound), serving(mechanism, bindings=(BINDING,)))

    assert outcome("user", "mật khẩu") == Identified("user")
    assert outcome("tên,=", "token") == Identified("tên,=")
    assert outcome("user", "wrong") == Denied("bad-credentials", "user")
    assert outcome("nobody", "x") == Denied("bad-credentials", "nobody")


@pytest.mark.parametrize("mechanism", [*BY_PASSWORD, "XOAUTH2", "OAUTHBEARER"])
@pytest.mark.parametrize("response", [b"", b"\xff", b"\0", b"\0\0", b"a\0b\0c\0d", b" ", b"\x01", b"n,,", b"n,,n=,r="])
def test_no_response_identifies_by_accident(mechanism: str, response: bytes) -> None:
    server = serving(mechanism, bindings=(BINDING,))
    step: Step = server.start(None)
    for _ in range(4):
        if isinstance(step, Challenge):
            step = checked(server, server.receive(response))
    assert isinstance(step, Denied)


@given(st.sampled_from(MECHANISMS), st.lists(st.binary(max_size=60), max_size=4), st.booleans())
@example("SCRAM-SHA-1", [b"n,,n=user,r=x", b"c=biws,r=xof-server,p=" + base64.b64encode(bytes(20))], True)
def test_whatever_a_client_says_is_answered_and_never_identifies(mechanism, responses, initial) -> None:
    server = serving(mechanism)
    step = server.start(responses.pop(0) if initial and responses else None)
    for response in responses:
        step = checked(server, step)
        if isinstance(step, Challenge):
            step = server.receive(response)
    assert not isinstance(checked(server, step), Identified)


@given(st.sampled_from(MECHANISMS), st.lists(st.binary(max_size=60), max_size=4))
def test_whatever_a_server_says_is_an_outcome_for_the_client(mechanism, challenges) -> None:
    client = started(mechanism, "user", "secret", binding=BINDING)
    for challenge in challenges:
        assert isinstance(client.respond(challenge), bytes | SaslTrouble)
    assert not getattr(client, "server_proven", False)


def test_nobody_may_act_for_somebody_else() -> None:
    assert serving("plain").start("other\0user\0mật khẩu".encode()) == Denied("bad-credentials", "user")
    server = serving("SCRAM-SHA-256")
    assert server.start(b"n,a=other,n=user,r=nonce") == Denied("bad-credentials", "user")


def test_cram_md5_as_in_rfc_2195() -> None:
    client = started("CRAM-MD5", "tim", "tanstaaftanstaaf")
    answer = client.respond(b"<1896.697170952@postoffice.reston.mci.net>")
    assert answer == b"tim b913a602c7eda7a495b4e6e7334d3890"


SCRAM_EXAMPLES = [
    (
        "SCRAM-SHA-1",  # RFC 5802 5
        "fyko+d2lbbFgONRv9qkxdawL",
        "3rfcNHYJY1ZVvWVs7j",
        "QSXCR+Q6sek8bf92",
        "v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
        "rmF9pqV8S7suAoZWja4dJRkFsKQ=",
    ),
    (
        "SCRAM-SHA-256",  # RFC 7677 3
        "rOprNGfwEbeRWgbNEkqO",
        "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
        "W22ZaJ0SNY7soEsUEjb6gQ==",
        "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    ),
]


class OneVerifier:
    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier

    def secret(self, user: str) -> Secret | None:
        raise AssertionError(user)

    def verifier(self, name: str, user: str) -> tuple[Verifier, bool]:
        return self._verifier, (name, user) != ("", "")


@pytest.mark.parametrize(("name", "nonce", "more", "salt", "proof", "signature"), SCRAM_EXAMPLES)
def test_scram_as_in_its_rfcs(name: str, nonce: str, more: str, salt: str, proof: str, signature: str) -> None:
    first = f"n,,n=user,r={nonce}".encode()
    server_first = f"r={nonce}{more},s={salt},i=4096".encode()
    final = f"c=biws,r={nonce}{more},p={proof}".encode()
    server_final = f"v={signature}".encode()

    client = start_client(name, "user", Secret("pencil"), lambda: nonce)
    assert client is not None
    assert client.initial == first
    assert client.respond(server_first) == final
    assert client.respond(server_final) == b""

    kind = "sha1" if name == "SCRAM-SHA-1" else "sha256"
    accounts = OneVerifier(make_verifier(kind, Secret("pencil"), base64.b64decode(salt), 4096))
    server = serving(name, accounts=accounts, nonce=lambda: more)
    assert server.start(first) == Challenge(server_first)
    assert server.receive(final) == Challenge(server_final)
    assert server.receive(b"") == Identified("user")


@pytest.mark.parametrize(
    ("challenge", "reason"),
    [
        (b"\xff", "bad-challenge"),
        (b"r=nonceX,s=,i=4096", "bad-challenge"),
        (b"r=nonceX,s=AAAA,i=0", "bad-challenge"),
        (b"m=x,r=nonceX,s=AAAA,i=4096", "bad-challenge"),
        (b"r=other,s=AAAA,i=4096", "bad-nonce"),
        (b"r=nonce,s=AAAA,i=4096", "bad-nonce"),
        (b"r=nonceX,s=AAAA,i=100000000", "too-many-iterations"),
    ],
)
def test_a_bad_scram_challenge_is_an_outcome(challenge: bytes, reason: str) -> None:
    assert started("SCRAM-SHA-256", "u", "p").respond(challenge) == SaslTrouble(reason)


def test_a_server_that_cannot_prove_itself_is_told() -> None:
    client = started("SCRAM-SHA-256", "u", "p")
    client.respond(b"r=nonceX,s=AAAA,i=1")
    assert client.respond(b"v=" + base64.b64encode(b"no")) == SaslTrouble("server-not-proven")


def test_a_relay_in_between_has_another_binding_and_is_found_out() -> None:
    client = started("SCRAM-SHA-256-PLUS", "user", "mật khẩu", binding=Binding("tls-server-end-point", b"relay"))
    assert exchange(client, serving("SCRAM-SHA-256-PLUS", bindings=(BINDING,))) == Denied("bad-credentials", "user")


def test_a_relay_that_hides_the_bound_mechanisms_is_found_out() -> None:
    client = started("SCRAM-SHA-256", "user", "mật khẩu", binding=BINDING, announced=["SCRAM-SHA-256"])
    assert client.initial == b"y,,n=user,r=nonce"
    server = serving("SCRAM-SHA-256", bindings=(BINDING,), bound_offered=True)
    assert exchange(client, server) == Denied("bad-credentials", "user")
    honest = started("SCRAM-SHA-256", "user", "mật khẩu", binding=BINDING, announced=["SCRAM-SHA-256-PLUS"])
    assert honest.initial == b"n,,n=user,r=nonce"
    assert exchange(honest, serving("SCRAM-SHA-256", bound_offered=True)) == Identified("user")


def test_binding_to_what_the_server_has_not_is_malformed() -> None:
    first = b"p=tls-unique,,n=user,r=nonce"
    assert serving("SCRAM-SHA-256-PLUS", bindings=(BINDING,)).start(first) == Denied("malformed")
    assert serving("SCRAM-SHA-256").start(b"p=tls-server-end-point,,n=user,r=nonce") == Denied("malformed")
    assert serving("SCRAM-SHA-256-PLUS", bindings=(BINDING,)).start(b"n,,n=user,r=nonce") == Denied("malformed")
    assert start_client("SCRAM-SHA-256-PLUS", "user", Secret("p"), str) is None


def test_names_and_passwords_are_compared_as_rfc_4013_prepares_them() -> None:
    # RFC 4013 3.
    assert saslprep("I\u00adX") == "IX"
    assert saslprep("user") == "user"
    assert saslprep("USER") == "USER"
    assert saslprep("\u00aa") == "a"
    assert saslprep("\u2168") == "IX"
    assert saslprep("\u0007") is None
    assert saslprep("\u0627\u0031") is None
    accounts = MemoryAccounts({"IX": Secret("\u2168\u00a0x")})
    client = started("SCRAM-SHA-256", "I\u00adX", "IX x")
    assert exchange(client, serving("SCRAM-SHA-256", accounts=accounts)) == Identified("IX")


def test_an_unknown_user_of_scram_gets_the_same_salt_at_every_try() -> None:
    first = serving("SCRAM-SHA-1").start(b"n,,n=nobody,r=nonce")
    assert isinstance(first, Challenge)
    assert serving("SCRAM-SHA-1").start(b"n,,n=nobody,r=nonce") == first
    assert serving("SCRAM-SHA-1").start(b"n,,n=anybody,r=nonce") != first


@pytest.mark.parametrize(
    ("mechanism", "message", "farewell"),
    [
        ("XOAUTH2", b"user=user\x01auth=Bearer ya29.token\x01\x01", b""),
        ("OAUTHBEARER", b"n,a=user,\x01auth=Bearer ya29.token\x01\x01", b"\x01"),
    ],
)
def test_a_token_is_shown_and_a_wrong_one_is_told_why(mechanism: str, message: bytes, farewell: bytes) -> None:
    client = started(mechanism, "user", "ya29.token")
    assert client.initial == message
    server = serving(mechanism)
    assert server.start(message) == Claimed("user", Secret("ya29.token"), "token")
    why = server.refuse("user")
    assert isinstance(why, Challenge)
    assert b"invalid_token" in why.data
    assert client.respond(why.data) == farewell
    assert server.receive(farewell) == Denied("bad-credentials", "user")


def test_a_token_may_stand_without_a_name_in_oauthbearer() -> None:
    # RFC 7628 4.1, with its host and port, which say nothing here.
    message = b"n,,\x01host=server.example.com\x01port=143\x01auth=Bearer token\x01\x01"
    claimed = serving("OAUTHBEARER").start(message)
    assert claimed == Claimed("", Secret("token"), "token")
    assert isinstance(claimed, Claimed)
    assert ACCOUNTS.owner(claimed) == "tên,="
    assert not ACCOUNTS.check(Claimed("user", Secret("token"), "token"))


def test_external_is_whom_the_certificate_names() -> None:
    names = ("student@hust.example", "Student")
    assert serving("EXTERNAL", certificate_names=names).start(b"") == Identified("student@hust.example")
    assert serving("EXTERNAL", certificate_names=names).start(b"student") == Identified("Student")
    assert serving("EXTERNAL", certificate_names=names).start(b"root") == Denied("bad-credentials", "root")
    assert serving("EXTERNAL").start(b"") == Denied("bad-credentials", "")
    assert started("EXTERNAL", "", "").initial == b""


def test_no_password_travels_in_clear_by_choice() -> None:
    assert choose(["PLAIN", "LOGIN"], secure=False) is None
    assert choose(["plain", "login"], secure=True) == "PLAIN"
    assert choose(["PLAIN", "CRAM-MD5"], secure=False) == "CRAM-MD5"
    assert choose(["XOAUTH2"], secure=True) is None
    both = ["SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"]
    assert choose(both, secure=True) == "SCRAM-SHA-256"
    assert choose(both, secure=True, binding=True) == "SCRAM-SHA-256-PLUS"


def test_a_secret_prints_as_stars() -> None:
    assert f"{Secret('p')} {Secret('p')!r} {[Secret('p')]}" == "*** *** [***]"


@pytest.mark.parametrize(
    ("mechanism", "messages", "told"),
    [
        ("PLAIN", [b"\0user\0secret"], ["identity= user=user password=***"]),
        ("PLAIN", [b"secret"], ["***"]),
        ("LOGIN", [b"user", b"secret"], ["user=user", "password=***"]),
        ("CRAM-MD5", [b"user 0123456789abcdef"], ["user=user digest=***"]),
        ("XOAUTH2", [b"user=u\x01auth=Bearer secret\x01\x01"], ["user=u auth=Bearer ***"]),
        ("XOAUTH2", [b"user=u\x01auth=secret\x01\x01"], ["user=u auth=***"]),
        ("OAUTHBEARER", [b"n,a=u,\x01auth=Bearer secret\x01\x01"], ["n,a=u, auth=Bearer ***"]),
        ("EXTERNAL", [b"user"], ["identity=user"]),
        (
            "SCRAM-SHA-1",
            [b"n,,n=user,r=abc", b"c=biws,r=abcdef,p=secret"],
            ["n,,n=user,r=abc", "c=biws,r=abcdef,p=***"],
        ),
        ("FROB", [b"secret"], ["***"]),
    ],
)
def test_an_exchange_is_told_without_its_secrets(mechanism: str, messages: list[bytes], told: list[str]) -> None:
    story = AuthStory()
    assert story.began(mechanism, None) == ""
    assert [story.said("client", message) for message in messages] == told


@given(st.sampled_from([*MECHANISMS, "FROB"]), st.binary(max_size=80))
def test_no_password_is_told_whatever_surrounds_it(mechanism: str, noise: bytes) -> None:
    story = AuthStory()
    story.began(mechanism, None)
    client = started(mechanism, "user", "S3cr3tS3cr3t", binding=BINDING) if mechanism != "FROB" else None
    story.challenged(base64.b64encode(noise).decode())
    said = [] if client is None or client.initial is None else [client.initial]
    response = client.respond(noise) if client is not None else noise
    said += [response] if isinstance(response, bytes) and response else []
    for message in said:
        shown = story.said("client", message)
        assert "S3cr3t" not in shown or mechanism == "EXTERNAL"


def test_what_a_refusal_of_a_token_says_is_told() -> None:
    story = AuthStory()
    story.began("XOAUTH2", None)
    assert story.challenged(base64.b64encode(b'{"status":"400"}').decode()) == '{"status":"400"}'
    story.began("SCRAM-SHA-256", None)
    assert story.challenged(base64.b64encode(b"v=abc").decode()) == "v=***"
