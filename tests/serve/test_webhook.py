"""`--webhook URL`: each message is told of, in time and again, and mail never waits for it."""

from __future__ import annotations

import json
import ssl
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import trustme

from smtplab.lab import webhook as hooks
from smtplab.lab.webhook import ATTEMPTS_MAX, Webhook
from smtplab.mta.inbox.port import Kept
from smtplab.net.hook import Posted, Poster, origin_of
from tests.serve.served import Dialogue, Served, smtplab

LETTER = b"From: a@client.example\r\nSubject: =?utf-8?B?eGluIGNow6Bv?=\r\n\r\nbody"


class Receiver:
    """Notes what is posted, and answers with the given codes, the last one for ever; 0 is no answer at all."""

    def __init__(self, *codes: int, tls: ssl.SSLContext | None = None, location: str = "") -> None:
        self.bodies: list[dict] = []
        self.heard = threading.Semaphore(0)
        left = list(codes)
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                receiver.bodies.append(body | {"path": self.path, "type": self.headers["Content-Type"]})
                code = left.pop(0) if len(left) > 1 else left[0]
                if code:
                    self.send_response(code)
                    if location:
                        self.send_header("Location", location)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                else:
                    self.close_connection = True
                receiver.heard.release()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.port = self._server.server_port
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}/hook?key=secret"

    def wait(self) -> None:
        assert self.heard.acquire(timeout=30)

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@contextmanager
def receiving(*codes: int, **how):
    receiver = Receiver(*codes, **how)
    try:
        yield receiver
    finally:
        receiver.close()


def deliver(served) -> None:
    with Dialogue(served.port) as client:
        client.ehlo()
        assert client.send(LETTER) == 250


@pytest.mark.skipif(sys.platform == "win32", reason="the server's end is told by POSIX signals")
def test_each_message_is_posted_as_it_is_listed_with_links_to_the_page(tmp_path):
    with receiving(200) as receiver:
        places = ("--listen", "127.0.0.1:0", "--web", "127.0.0.1:0")
        with Served(tmp_path, *places, "--webhook", receiver.url) as served:
            deliver(served)
            receiver.wait()
            (row,) = served.inbox()
            base = f"http://127.0.0.1:{served.ports['http']}"
            assert served.stop() == (0, b"", b"")
    (body,) = receiver.bodies
    assert (body["path"], body["type"], body["event"]) == ("/hook?key=secret", "application/json", "message")
    assert list(body["message"].items()) == list(row.items())
    api = f"{base}/api/v1/messages/{row['id']}"
    assert body["links"] == {"page": f"{base}/messages/{row['id']}", "api": api, "raw": f"{api}/raw"}


@pytest.mark.skipif(sys.platform == "win32", reason="the server's end is told by POSIX signals")
def test_what_fails_for_a_while_is_posted_again_and_nothing_is_said(tmp_path):
    with receiving(503, 0, 204) as receiver, Served(tmp_path, "--webhook", receiver.url) as served:
        deliver(served)
        for _ in range(3):
            receiver.wait()
        assert served.stop() == (0, b"", b"")
        assert len({body["message"]["id"] for body in receiver.bodies}) == 1
        assert receiver.bodies[0]["links"] == {"page": None, "api": None, "raw": None}


@pytest.mark.skipif(sys.platform == "win32", reason="the server's end is told by POSIX signals")
@pytest.mark.parametrize(("code", "said"), [(404, "HTTP 404"), (302, "HTTP 302")])
def test_what_is_refused_is_told_in_a_line_or_two_without_the_url_s_secrets_and_the_mail_is_there(tmp_path, code, said):
    with receiving(200) as elsewhere, receiving(code, location=elsewhere.url) as receiver:
        with Served(tmp_path, "--webhook", receiver.url) as served:
            for _ in range(3):
                deliver(served)
                receiver.wait()
            assert len(served.inbox()) == 3
            exit_code, out, err = served.stop()
        # The first at once; the other two within the same minute, so at the end.
        assert (exit_code, out, err.count(b"\n")) == (0, b"", 2)
        assert b"2 messages" in err.splitlines()[1]
        assert f"http://127.0.0.1:{receiver.port} " in err.decode()
        assert said in err.decode()
        assert b"secret" not in err
        assert elsewhere.bodies == []


@pytest.mark.skipif(sys.platform == "win32", reason="the server's end is told by POSIX signals")
def test_a_receiver_that_never_answers_delays_no_reply_and_no_end(tmp_path):
    with receiving(200) as receiver:
        receiver.close()
        with Served(tmp_path, "--webhook", f"http://127.0.0.1:{receiver.port}/") as served:
            start = time.monotonic()
            for _ in range(20):
                deliver(served)
            exit_code, out, err = served.stop()
            assert time.monotonic() - start < 20
        assert (exit_code, out) == (0, b"")
        assert b"had not been told of 20 messages" in err


def test_https_is_spoken_with_the_authorities_of_the_system(monkeypatch, tmp_path):
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with receiving(200, tls=context) as receiver:
        stranger = Poster(receiver.url)
        assert "CERTIFICATE_VERIFY_FAILED" in stranger.post(b"{}").reason
        stranger.close()
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        friend = Poster(receiver.url)
        assert friend.post(b"{}") == Posted(200)
        friend.close()


class Answers:
    """A poster whose answers are given."""

    def __init__(self, *answers: Posted) -> None:
        self.answers = list(answers)
        self.calls = 0
        self.called = threading.Semaphore(0)

    def post(self, body: bytes) -> Posted:
        assert json.loads(body)["event"] == "message"
        self.calls += 1
        self.called.release()
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def close(self) -> None:
        pass


def entry(name: str) -> Kept:
    return Kept(id=name, received_at=0.0, sender="", recipients=("a@b.example",), octets=1)


def test_a_message_is_given_up_after_the_last_attempt_and_the_next_one_has_its_turn(monkeypatch):
    monkeypatch.setattr(hooks, "FIRST_PAUSE_S", 0.001)
    poster = Answers(*[Posted(None, "refused")] * ATTEMPTS_MAX, Posted(200))
    notices = []
    webhook = Webhook(lambda: poster, "http://x", notices.append)
    webhook.tell(entry("A1"))
    webhook.tell(entry("A2"))
    for _ in range(ATTEMPTS_MAX + 1):
        assert poster.called.acquire(timeout=30)
    webhook.close()
    assert poster.calls == ATTEMPTS_MAX + 1
    assert [(one.text, one.arguments["id"], one.arguments["count"]) for one in notices] == [
        ("serve.webhook-failed", "A1", 1)
    ]


def test_what_waits_is_bounded_and_failures_share_a_notice(monkeypatch):
    monkeypatch.setattr(hooks, "WAITING_MAX", 3)
    blocked = threading.Event()

    class Blocked(Answers):
        def post(self, body: bytes) -> Posted:
            blocked.wait(30)
            return super().post(body)

    notices = []
    webhook = Webhook(lambda: Blocked(Posted(200)), "http://x", notices.append)
    for number in range(10):
        webhook.tell(entry(f"{number:X}"))
    blocked.set()
    webhook.close()
    assert [(one.arguments["reason"], one.arguments["count"]) for one in notices] == [
        ("queue-full", 1),
        ("queue-full", 6),
    ]


@pytest.mark.parametrize(
    "url",
    ["ftp://x/", "http://", "nonsense", "http://x:99999/", "http://x/\n", "http://đ/", "ftp://u:s3cret@x/?s3cret"],
)
def test_what_is_no_url_is_refused_at_the_start(tmp_path, url):
    assert origin_of(url) is None
    done = smtplab(tmp_path, "serve", "--listen", "127.0.0.1:0", "--webhook", url)
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)
    assert b"--webhook" in done.stderr
    assert b"s3cret" not in done.stderr


def test_what_is_shown_of_a_url_is_where_it_leads_and_nothing_more():
    assert origin_of("https://user:secret@hook.example/key?token=1") == "https://hook.example"
    assert origin_of("http://[::1]:80/x") == "http://[::1]:80"
