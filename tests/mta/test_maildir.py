"""Maildirs: whole files only, names that never meet, and readers that understand them."""

from __future__ import annotations

import asyncio
import datetime as dt
import errno
import mailbox
import os
import random
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from smtplab.events import Delivered
from smtplab.mta import maildir
from smtplab.mta.mailbox import Letter, Unstored
from smtplab.mta.maildir import Maildirs, folder_each, folder_name, one_folder
from smtplab.wire.address import Mailbox

CONTENT = (
    b"Return-Path: <a@b.example>\r\nFrom: a@b.example\r\nSubject: =?utf-8?Q?Th=C6=B0?=\r\n\r\nOne.\r\nFrom here.\r\n"
)
NOBODY = 65534
ANNA = Mailbox("Anna", "here.example")


class Noon:
    def now(self):
        return dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC).timestamp() + 0.25

    def monotonic(self):
        return 0.0


def maildirs(folder_of, **changes):
    chance = random.Random(7)
    settings = {"hostname": "us.example", "clock": Noon(), "chance": lambda _purpose: chance}
    return Maildirs(folder_of, **settings | changes)


def deliver(store, *contents, mailbox="anna@here.example"):
    told = []

    async def play():
        return [await store.deliver(Letter("4F", ANNA, mailbox, content), told.append) for content in contents]

    return asyncio.run(play()), told


def test_a_message_lies_in_new_with_nothing_left_beside(tmp_path):
    (trouble,), told = deliver(maildirs(one_folder(tmp_path / "box")), CONTENT)
    assert trouble is None
    assert told == [Delivered("4F", "Anna@here.example", "anna@here.example")]
    (file,) = (tmp_path / "box" / "new").iterdir()
    assert file.name.startswith("1795435200.M250000R")
    assert file.name.endswith(".us.example")
    assert file.read_bytes() == CONTENT.replace(b"\r\n", b"\n")
    assert list((tmp_path / "box" / "tmp").iterdir()) == []
    assert file.stat().st_mode & 0o077 == 0


def test_the_octets_of_the_wire_are_kept_on_request(tmp_path):
    deliver(maildirs(one_folder(tmp_path), line_ends="crlf"), CONTENT)
    (file,) = (tmp_path / "new").iterdir()
    assert file.read_bytes() == CONTENT


@pytest.mark.parametrize("piece", [1, 2, 3, 7])
def test_a_large_message_is_made_over_piece_by_piece(tmp_path, monkeypatch, piece):
    monkeypatch.setattr(maildir, "PIECE_OCTETS", piece)
    content = CONTENT + b"\r\r\n\n\r\r\n"
    deliver(maildirs(one_folder(tmp_path)), content)
    (file,) = (tmp_path / "new").iterdir()
    assert file.read_bytes() == content.replace(b"\r\n", b"\n")


def test_file_and_folder_are_synced_before_it_is_told(tmp_path, monkeypatch):
    synced = []
    fsync = os.fsync

    def note(handle):
        synced.append(os.fstat(handle).st_ino)
        fsync(handle)

    monkeypatch.setattr(os, "fsync", note)
    deliver(maildirs(one_folder(tmp_path / "box")), CONTENT)
    (file,) = (tmp_path / "box" / "new").iterdir()
    assert synced[-2:] == [file.stat().st_ino, file.parent.stat().st_ino]


def test_python_reads_every_message(tmp_path):
    deliver(maildirs(one_folder(tmp_path / "box")), *(CONTENT + b"%d\r\n" % number for number in range(20)))
    read = mailbox.Maildir(tmp_path / "box", create=False)
    assert sorted(message.get_payload().splitlines()[-1] for message in read) == sorted(map(str, range(20)))


def test_the_same_chance_and_clock_give_the_same_names(tmp_path):
    for name in ("one", "two"):
        deliver(maildirs(one_folder(tmp_path / name)), CONTENT, CONTENT)
    one, two = (sorted(file.name for file in (tmp_path / name / "new").iterdir()) for name in ("one", "two"))
    assert one == two
    assert len(one) == 2


def test_a_name_that_is_taken_overwrites_nothing(tmp_path):
    deliver(maildirs(one_folder(tmp_path)), CONTENT)
    (trouble,), told = deliver(maildirs(one_folder(tmp_path)), b"another\r\n")
    assert trouble == Unstored("4.2.0", "mailbox-unusable", "File exists")
    assert told == []
    (file,) = (tmp_path / "new").iterdir()
    assert file.read_bytes().startswith(b"Return-Path")


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path, monkeypatch):
    def full(_handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    store = maildirs(one_folder(tmp_path))
    deliver(store, CONTENT)
    monkeypatch.setattr(os, "fsync", full)
    (trouble,), told = deliver(store, CONTENT)
    assert trouble == Unstored("4.3.1", "disk-full", "No space left on device")
    assert told == []
    assert len(list((tmp_path / "new").iterdir())) == 1
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_file_system_without_hard_links_will_do(tmp_path, monkeypatch):
    def unknown(*_paths, **_options):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", unknown)
    (trouble,), (told,) = deliver(maildirs(one_folder(tmp_path)), CONTENT)
    assert (trouble, told.mailbox) == (None, "anna@here.example")
    assert [len(list((tmp_path / folder).iterdir())) for folder in ("tmp", "new")] == [0, 1]


def test_what_is_laid_shows_when_it_is_told_to_and_else_was_never_there(tmp_path):
    store, told = maildirs(one_folder(tmp_path)), []

    async def play():
        kept, not_kept = [await store.lay(Letter("4F", ANNA, "anna@here.example", CONTENT)) for _ in range(2)]
        assert list((tmp_path / "new").iterdir()) == told == []
        not_kept.back()
        assert await kept.shown(told.append) is None
        kept.back()

    asyncio.run(play())
    assert told == [Delivered("4F", "Anna@here.example", "anna@here.example")]
    assert [len(list((tmp_path / folder).iterdir())) for folder in ("tmp", "new")] == [0, 1]


@pytest.mark.parametrize(
    "name", ["../../etc@x", ".hidden@x", "a/b@x", "thư@ví-dụ.example", "%41@x", "a\x00b@x", "..", "."]
)
def test_no_mailbox_leaves_its_root(tmp_path, name):
    deliver(maildirs(folder_each(tmp_path / "root")), CONTENT, mailbox=name)
    (folder,) = (tmp_path / "root").iterdir()
    assert folder.name == folder_name(name)
    assert folder.name.isascii()
    assert len(list((folder / "new").iterdir())) == 1


def test_different_mailboxes_have_different_folders():
    names = ["a/b", "a%2fb", "a%2Fb", "a%b", ".a", "%2Ea", "a:b"]
    assert len({folder_name(name) for name in names}) == len({name.lower() for name in names})
    assert folder_name("Anna@Here.Example") == "anna@here.example"


@pytest.mark.peer
def test_mutt_reads_it(tmp_path):
    mutt = shutil.which("mutt")
    if mutt is None:
        pytest.skip("mutt is not installed")
    deliver(maildirs(one_folder(tmp_path / "box")), CONTENT)
    (tmp_path / "muttrc").write_text(
        "set mbox_type=Maildir confirmcreate=no confirmappend=no quit=yes move=no charset=utf-8\n"
        # What it copies it must have found, opened and read.
        f'push "<search>~s Thư<enter><copy-message><kill-line>{tmp_path}/copy<enter><exit>"\n'
    )
    run_in_terminal([mutt, "-n", "-F", str(tmp_path / "muttrc"), "-f", str(tmp_path / "box")], tmp_path)
    (copied,) = mailbox.Maildir(tmp_path / "copy", create=False)
    assert copied.get_payload() == "One.\nFrom here.\n"


def run_in_terminal(command, home):
    """In a pseudo-terminal, for a program that will not run without one."""
    import pty  # noqa: PLC0415 - not on Windows

    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "TERM": "xterm", "LC_ALL": "C.UTF-8"}
    leader, follower = pty.openpty()
    os.set_blocking(leader, False)
    program = subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower, env=environment)
    try:
        for _ in range(100):
            drain(leader)
            try:
                program.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
            break
        else:
            program.kill()
            program.wait()
            pytest.fail("it did not end by itself")
    finally:
        os.close(leader)
        os.close(follower)


def drain(leader):
    try:
        while os.read(leader, 65536):
            pass
    except BlockingIOError:
        pass


@pytest.mark.peer
def test_dovecot_reads_it():
    doveadm = shutil.which("doveadm")
    if doveadm is None:
        pytest.skip("doveadm is not installed")
    # Dovecot reads nobody's mail as root, and pytest's own folders are closed to others.
    user = os.getuid() or NOBODY
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        deliver(maildirs(one_folder(root / "box")), CONTENT, CONTENT)
        for path in (root, *root.rglob("*")):
            os.chown(path, user, -1 if os.getuid() else NOBODY)
        (root / "dovecot.conf").write_text(
            f"mail_location = maildir:{root}/box\nlog_path = /dev/stderr\nbase_dir = {root}/run\nssl = no\n"
            f"stats_writer_socket_path =\nfirst_valid_uid = 1\nmail_uid = {user}\nmail_gid = {os.getgid() or NOBODY}\n"
        )
        run = subprocess.run(
            [doveadm, "-c", str(root / "dovecot.conf"), "fetch", "hdr.subject body", "mailbox", "INBOX"],
            capture_output=True,
            timeout=20,
            check=False,
            env={"PATH": os.environ["PATH"], "USER": "anna", "HOME": str(root)},
        )
    assert run.returncode == 0, run.stderr
    assert run.stdout.count(b"From here.") == 2
