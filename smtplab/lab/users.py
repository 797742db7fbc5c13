"""The users that `smtplab user` keeps for `smtplab serve`, in the state folder: who they are, never their passwords."""

from __future__ import annotations

from pathlib import Path

from smtplab.lab.bad_input import BadInput
from smtplab.mta.stored_accounts import StoredUser, UsersTrouble, make_user, read_users, write_users
from smtplab.smtp.secret import Secret

FILE = "users.json"


def stored_users(home: Path) -> dict[str, StoredUser]:
    """Raises BadInput."""
    found = read_users(home / FILE)
    if isinstance(found, UsersTrouble):
        raise BadInput("user.unreadable", file=str(home / FILE), reason=found.reason)
    return found


def put_user(home: Path, name: str, password: Secret) -> None:
    """New, or with a new password. Raises BadInput."""
    if not password.reveal():
        raise BadInput("user.no-password", user=name)
    _write(home, {**stored_users(home), name: make_user(name, password)})


def remove_users(home: Path, names: tuple[str, ...]) -> None:
    """All of them, or none where one is unknown. Raises BadInput."""
    users = stored_users(home)
    for name in names:
        if name not in users:
            raise BadInput("user.unknown", user=name)
    _write(home, {name: user for name, user in users.items() if name not in names})


def _write(home: Path, users: dict[str, StoredUser]) -> None:
    trouble = write_users(home / FILE, users)
    if trouble is not None:
        raise BadInput("user.unwritable", file=str(home / FILE), reason=trouble.reason)
