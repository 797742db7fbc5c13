from __future__ import annotations

import base64

import pytest

from smtplab.smtp.sasl import (
    Challenge,
    Denied,
    Identified,
    SaslTrouble,
    ScramSha256Client,
    Secret,
    Step,
    choose,
    start_client,
    start_server,
)


def passwords(user: str) -> Secret | None:
    return {"user": Secret("mật khẩu")}.get(user)


def exchange(mechanism: str, user: str, password: str) -> Step:
    client = start_client(mechanism, user, Secret(password), lambda: "nonce")
    server = start_server(mechanism, passwords, lambda: b"<1.2@mx.example>")
    assert client is not None
    assert server is not None
    step = server.start(client.initial)
    while isinstance(step, Challenge):
        response = client.respond(step.data)
        assert isinstance(response, bytes)
        step = server.receive(response)
    return step


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
def test_the_right_password_identifies_and_a_wrong_one_is_denied(mechanism: str) -> None:
    assert exchange(mechanism, "user", "mật khẩu") == Identified("user")
    assert exchange(mechanism, "user", "wrong") == Denied("bad-credentials", "user")
    assert exchange(mechanism, "nobody", "") == Denied("bad-credentials", "nobody")


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
@pytest.mark.parametrize("response", [b"", b"\xff", b"\0", b"\0\0", b"a\0b\0c\0d", b" "])
def test_no_response_identifies_by_accident(mechanism: str, response: bytes) -> None:
    server = start_server(mechanism, passwords, lambda: b"<1@mx>")
    assert server is not None
    step: Step = server.start(None)
    for _ in range(3):
        if isinstance(step, Challenge):
            step = server.receive(response)
    assert isinstance(step, Denied)


def test_nobody_may_act_for_somebody_else() -> None:
    server = start_server("plain", passwords, lambda: b"")
    assert server is not None
    assert server.start("other\0user\0mật khẩu".encode()) == Denied("bad-credentials", "user")


def test_cram_md5_as_in_rfc_2195() -> None:
    client = start_client("CRAM-MD5", "tim", Secret("tanstaaftanstaaf"), str)
    assert client is not None
    answer = client.respond(b"<1896.697170952@postoffice.reston.mci.net>")
    assert answer == b"tim b913a602c7eda7a495b4e6e7334d3890"


def test_scram_as_in_rfc_7677() -> None:
    client = ScramSha256Client("user", Secret("pencil"), "rOprNGfwEbeRWgbNEkqO")
    assert client.initial == b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
    nonce = b"rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    proof = client.respond(b"r=" + nonce + b",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")
    assert proof == b"c=biws,r=" + nonce + b",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    assert client.respond(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=") == b""
    assert client.server_proven


@pytest.mark.parametrize(
    ("challenge", "reason"),
    [
        (b"\xff", "bad-challenge"),
        (b"r=nonceX,s=,i=4096", "bad-challenge"),
        (b"r=nonceX,s=AAAA,i=0", "bad-challenge"),
        (b"r=other,s=AAAA,i=4096", "bad-nonce"),
        (b"r=nonceX,s=AAAA,i=100000000", "too-many-iterations"),
    ],
)
def test_a_bad_scram_challenge_is_an_outcome(challenge: bytes, reason: str) -> None:
    assert ScramSha256Client("u", Secret("p"), "nonce").respond(challenge) == SaslTrouble(reason)


def test_a_server_that_cannot_prove_itself_is_told() -> None:
    client = ScramSha256Client("u", Secret("p"), "nonce")
    client.respond(b"r=nonceX,s=AAAA,i=1")
    assert client.respond(b"v=" + base64.b64encode(b"no")) == SaslTrouble("server-not-proven")


def test_no_password_travels_in_clear_by_choice() -> None:
    assert choose(["PLAIN", "LOGIN"], secure=False) is None
    assert choose(["plain", "login"], secure=True) == "PLAIN"
    assert choose(["PLAIN", "CRAM-MD5"], secure=False) == "CRAM-MD5"
    assert choose(["XOAUTH2"], secure=True) is None


def test_a_secret_prints_as_stars() -> None:
    assert f"{Secret('p')} {Secret('p')!r} {[Secret('p')]}" == "*** *** [***]"
