"""A session by hand with Postfix and Exim: typed, recorded and said again, and both laid side by side."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from smtplab import events as ev
from smtplab.journal import Record
from smtplab.lab.conversation import Conversation
from smtplab.lab.orders import STARTTLS
from smtplab.lab.replay import replay
from smtplab.lab.request import WalkRequest
from smtplab.lab.scribe import Scribe
from smtplab.lab.script import Step, parse_step
from smtplab.lab.seat import Way
from smtplab.lab.snippets import snippet
from smtplab.lab.ways import prepare_way
from smtplab.view.duet import said_in, side_by_side
from smtplab.view.texts import Texts

END_S_MAX = 60.0


def way_to(peer) -> Way:
    return prepare_way(WalkRequest(recipient="", server=f"{peer.address}:{peer.port}", helo="me.example"))


def converse(conversation: Conversation, *lines: str | tuple[Step, ...]) -> None:
    async def scene() -> None:
        rest = asyncio.Event()
        conversation.on_rest = rest.set
        async with asyncio.timeout(END_S_MAX):
            running = asyncio.create_task(conversation.run())
            for line in ("", *lines):
                steps = () if line == "" else (parse_step(line),) if isinstance(line, str) else line
                conversation.ask(*steps)  # type: ignore[arg-type]
                while not (conversation.at_rest or conversation.over):
                    rest.clear()
                    await rest.wait()
            conversation.leave()
            await running

    asyncio.run(scene())


def codes(records: list[Record]) -> list[int | None]:
    return [record.event.code for record in records if isinstance(record.event, ev.ReplyReceived)]


def letter(recipient: str) -> tuple[str, ...]:
    envelope = ("send MAIL FROM:<me@here.net>", f"send RCPT TO:<{recipient}>", "send DATA")
    return (*envelope, "send Subject: typed by hand", "send", "send ..a dot", "send .")


@pytest.mark.peer
def test_a_letter_typed_to_postfix_arrives(postfix):
    known = len(postfix.messages())
    conversation = Conversation(way_to(postfix))
    converse(conversation, "send EHLO me.example", STARTTLS, "send EHLO me.example", *letter("user@real.net"))
    assert codes(conversation.records) == [220, 250, 220, 250, 250, 250, 354, 250, 221]
    assert b"\n.a dot" in postfix.wait_for_message(known)


@pytest.mark.peer
def test_what_was_typed_to_exim_is_said_again_word_for_word_by_its_script(exim, tmp_path: Path):
    known = len(exim.messages())
    written: list[str] = []
    first = Conversation(way_to(exim), scribe=Scribe(written.append))
    converse(first, "send EHLO me.example", *letter("user@exim.net"), "send VRFY user@exim.net")
    exim.wait_for_message(known)
    script, kept = tmp_path / "script", tmp_path / "kept.jsonl"
    script.write_text("".join(written))
    where = f"{exim.address}:{exim.port}"
    done = subprocess.run(
        [sys.executable, "-m", "smtplab", "session", where, "--script", str(script), "--capture", str(kept)],
        capture_output=True,
        timeout=END_S_MAX,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    exim.wait_for_message(known + 1)
    told = [line for line in done.stdout.decode().splitlines() if line.startswith(" -> ")]
    said = [line for line in told if not line.startswith(" -> Message sent")]
    assert said == [f" -> {record.event.line}" for record in first.records if isinstance(record.event, ev.CommandSent)]


@pytest.mark.peer
def test_postfix_and_exim_are_laid_side_by_side(postfix, exim):
    first = Conversation(way_to(postfix))
    converse(first, "send EHLO me.example", "send MAIL FROM:<me@here.net>", "send RCPT TO:<nobody@real.net>")
    second = replay(first.steps, {}, way_to(exim))
    asyncio.run(asyncio.wait_for(second.run(), END_S_MAX))
    left, right = said_in(first.records, Texts("en")), said_in(second.records, Texts("en"))
    rows = side_by_side(left, right)
    alone = {right[row.right].line.text for row in rows if not row.same and row.right is not None}
    same = {left[row.left].line.text for row in rows if row.same and row.left is not None}
    assert "RCPT TO:<nobody@real.net>" in same
    assert any("PRDR" in text for text in alone)


@pytest.mark.peer
def test_smuggling_is_seen_for_what_it_is(postfix, exim):
    found = snippet("smuggling")
    assert found is not None
    replies = {}
    for peer, recipient in ((postfix, "user@real.net"), (exim, "user@exim.net")):
        conversation = Conversation(way_to(peer))
        steps = found.steps("me.example", "me@here.net", recipient)
        converse(conversation, "send EHLO me.example", steps, "wait 1")
        contents = [
            record.event.verb for record in conversation.records if isinstance(record.event, ev.ReplyReceived)
        ].count(".")
        replies[peer.address] = contents
    assert replies[exim.address] == 1
    assert replies[postfix.address] >= 1
