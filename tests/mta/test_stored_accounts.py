from __future__ import annotations

import asyncio
import stat
import sys
from pathlib import Path

import pytest

from smtplab.lab.bad_input import BadInput
from smtplab.lab.users import put_user, remove_users, stored_users
from smtplab.mta.accounts import MemoryAccounts
from smtplab.mta.stored_accounts import StoredAccounts, make_user
from smtplab.smtp.sasl_steps import Claimed
from smtplab.smtp.scram import make_verifier
from smtplab.smtp.secret import Secret

STORED = {"kept": make_user("kept", Secret("mật khẩu"))}


def accounts() -> StoredAccounts:
    return StoredAccounts(STORED, MemoryAccounts({"told": Secret("secret")}, b"pepper"), b"pepper")


def check(user: str, password: str, kind: str = "password") -> bool:
    async def ask() -> bool:
        right = accounts().check(Claimed(user, Secret(password), kind))  # type: ignore[arg-type]
        return right if isinstance(right, bool) else await right

    return asyncio.run(ask())


def test_a_password_is_right_only_for_its_own_user():
    assert check("kept", "mật khẩu")
    assert check("told", "secret")
    assert not check("kept", "secret")
    assert not check("told", "mật khẩu")
    assert not check("nobody", "")
    assert not check("", "")


def test_only_passwords_in_memory_are_tokens():
    assert check("told", "secret", "token")
    assert check("", "secret", "token")
    assert not check("kept", "mật khẩu", "token")


def test_a_verifier_is_of_the_stored_password_and_an_unknown_users_is_always_the_same():
    verifier, known = accounts().verifier("sha256", "kept")
    assert known
    assert verifier == make_verifier("sha256", Secret("mật khẩu"), verifier.salt, verifier.iterations)
    nobody, known = accounts().verifier("sha256", "nobody")
    assert (nobody, known) == (accounts().verifier("sha256", "nobody")[0], False)
    assert nobody.iterations == verifier.iterations


def test_cram_md5_has_no_password_that_is_stored():
    assert accounts().secret("kept") is None
    assert not StoredAccounts(STORED, MemoryAccounts({}), b"").readable


def test_users_are_kept_for_their_owner_alone_and_without_their_passwords(tmp_path: Path):
    put_user(tmp_path, "an", Secret("một hai ba"))
    put_user(tmp_path, "bình", Secret("bốn năm"))
    file = tmp_path / "users.json"
    assert "một" not in file.read_text("utf-8")
    if sys.platform != "win32":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(stored_users(tmp_path)) == ["an", "bình"]
    remove_users(tmp_path, ("an",))
    assert list(stored_users(tmp_path)) == ["bình"]
    with pytest.raises(BadInput):
        remove_users(tmp_path, ("bình", "an"))
    assert list(stored_users(tmp_path)) == ["bình"]
    with pytest.raises(BadInput):
        put_user(tmp_path, "an", Secret(""))
    file.write_text("[{}]")
    with pytest.raises(BadInput):
        stored_users(tmp_path)
