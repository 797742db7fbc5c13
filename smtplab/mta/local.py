"""Final delivery: who an address of ours stands for (mailbox, alias, list, catch-all), and how a message gets there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from smtplab.events import Judged, Result
from smtplab.journal import Emit
from smtplab.mta.envelope import Asked, Envelope
from smtplab.mta.lists import (
    ListBounce,
    MailingList,
    distribute,
    failed_for_good,
    owner_address,
    read_bounce_address,
)
from smtplab.mta.mailbox import Letter, MailboxStore
from smtplab.mta.outcome import Judgement, RecipientOutcome
from smtplab.mta.rules import Caller
from smtplab.mta.trace import delivered_to, delivered_to_line, return_path_line
from smtplab.wire.address import Mailbox
from smtplab.wire.command import Command, Rcpt
from smtplab.wire.reply import Reply, make_reply
from smtplab.wire.xtext import format_orcpt


class Directory(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a server knows. Addresses that are keys are in lower case."""

    domains: frozenset[str]
    """Their mail ends here; in lower case."""
    users: frozenset[str] | None = None
    """Addresses that have a mailbox; None: every local part has one."""
    aliases: dict[str, tuple[Mailbox, ...]] = {}
    """Addresses that stand for others, here or elsewhere (RFC 5321 3.9.1)."""
    lists: tuple[MailingList, ...] = ()
    catch_all: dict[str, Mailbox] = {}
    """By domain: who gets what is for nobody."""
    literals: Mapping[str, str] = {}
    """Address literals of ours, in lower case, each with the domain that it stands for (RFC 1123 5.2.17); they stand
    among `domains` too."""
    separator: str = "+"
    """Between a user and a tag: `user+tag` is delivered to `user`. Empty: no address has a tag."""

    def is_local(self, recipient: Mailbox) -> bool:
        return not recipient.domain or recipient.domain.lower() in self.domains


class IntoMailbox(msgspec.Struct, frozen=True):
    mailbox: str


class Onward(msgspec.Struct, frozen=True):
    """To other addresses, the return path unchanged."""

    targets: tuple[Mailbox, ...]


class Nobody(msgspec.Struct, frozen=True):
    pass


Destination = IntoMailbox | Onward | MailingList | ListBounce | Nobody


def look_up(directory: Directory, recipient: Mailbox) -> Destination:
    """The whole address first, then without its tag, then the domain's catch-all; postmaster is always somebody
    (RFC 5321 4.5.1)."""
    if (meant := directory.literals.get(recipient.domain.lower())) is not None:
        recipient = Mailbox(recipient.local, meant)
    forms = [recipient]
    if directory.separator and directory.separator in recipient.local[1:]:
        user = recipient.local[: recipient.local.index(directory.separator, 1)]
        forms.append(Mailbox(user, recipient.domain))
    for form in forms:
        found = _listed(directory, form)
        if found is not None:
            return found
    if directory.users is None or recipient.local.lower() == "postmaster":
        return IntoMailbox(str(forms[-1]).lower())
    catcher = directory.catch_all.get(recipient.domain.lower())
    return Nobody() if catcher is None else Onward((catcher,))


def _listed(directory: Directory, recipient: Mailbox) -> Destination | None:
    name = str(recipient).lower()
    if name in directory.aliases:
        return Onward(directory.aliases[name])
    for one in directory.lists:
        if name == str(one.address).lower():
            return one
        if name == str(owner_address(one)).lower():
            return Onward((one.owner,))
        bounce = read_bounce_address(one, recipient)
        if bounce is not None:
            return bounce
    return IntoMailbox(name) if directory.users is not None and name in directory.users else None


def recipient_hook(directory: Directory) -> Callable[[Command, Caller], Reply | None]:
    """A `rules.Hook` for RCPT that refuses nobody's address at the door, so that no notice is ever needed for it."""

    def answer(command: Command, caller: Caller) -> Reply | None:
        del caller
        if not isinstance(command, Rcpt) or not directory.is_local(command.forward_path):
            return None
        if isinstance(look_up(directory, command.forward_path), Nobody):
            return make_reply(550, "No such user here", enhanced="5.1.1")
        return None

    return answer


# Delivery


class Handover(msgspec.Struct, frozen=True):
    """What came of a message for recipients of ours."""

    outcomes: tuple[RecipientOutcome, ...]
    """One for each, in the order given."""
    onward: tuple[Envelope, ...]
    """New messages to queue in the same breath: forwarded, or copies for a list's members."""


class Parcel(msgspec.Struct, frozen=True):
    queue_id: str
    envelope: Envelope


async def hand_out(
    parcel: Parcel, recipients: Sequence[Mailbox], directory: Directory, store: MailboxStore, emit: Emit
) -> Handover:
    """Whoever has had the message already, by its Delivered-To lines, does not get it again: that is a loop.

    Facts: Delivered for each mailbox, `Judged("alias" | "list" | "list-bounce", ...)` for what goes on.
    """
    had = delivered_to(parcel.envelope.content)
    outcomes: list[RecipientOutcome] = []
    onward: list[Envelope] = []
    for who in recipients:
        if str(who).lower() in had:
            outcomes.append(_failed(who, "5.4.6", "delivered-to-loop"))
            continue
        destination = look_up(directory, who)
        if isinstance(destination, IntoMailbox):
            outcomes.append(await _into_mailbox(parcel, who, destination.mailbox, store, emit))
        else:
            outcome, envelopes = _send_on(parcel.envelope, who, destination, emit)
            outcomes.append(outcome)
            onward += envelopes
    return Handover(tuple(outcomes), tuple(onward))


async def _into_mailbox(
    parcel: Parcel, recipient: Mailbox, mailbox: str, store: MailboxStore, emit: Emit
) -> RecipientOutcome:
    envelope = parcel.envelope
    content = return_path_line(envelope.reverse_path) + delivered_to_line(recipient) + envelope.content
    trouble = await store.deliver(Letter(parcel.queue_id, recipient, mailbox, content), emit)
    if trouble is None:
        return RecipientOutcome(recipient, Judgement("delivered", "mailbox", None, "2.0.0", "delivered", mailbox))
    return _failed(recipient, trouble.status, trouble.reason, trouble.detail)


def _send_on(
    envelope: Envelope, recipient: Mailbox, destination: Onward | MailingList | ListBounce | Nobody, emit: Emit
) -> tuple[RecipientOutcome, tuple[Envelope, ...]]:
    match destination:
        case Nobody():
            return _failed(recipient, "5.1.1", "no-such-user"), ()
        case Onward(targets):
            emit(Judged("alias", "forwarded", f"{recipient} -> {_named(targets)}"))
            reason = "forwarded" if len(targets) == 1 else "expanded"
            return _went_on(recipient, reason), (_forwarded(envelope, recipient, targets),)
        case MailingList(members=members, owner=owner):
            if envelope.reverse_path is None:
                # A notice is about one copy; to the members it would be noise, and the start of a loop.
                emit(Judged("list", "to-owner", f"{recipient} -> {owner}"))
                return _went_on(recipient, "forwarded"), (_forwarded(envelope, recipient, (owner,)),)
            emit(Judged("list", "distributed", f"{recipient} -> {_named(members)}"))
            # RFC 3461 5.2.7.1: to its sender, a message that a list took is delivered.
            return _list_took(recipient), distribute(destination, envelope)
        case ListBounce(mailing_list, member):
            verdict = "failed" if failed_for_good(envelope.content) else "noted"
            emit(Judged("list-bounce", verdict, str(member or mailing_list.address)))
            return _went_on(recipient, "forwarded"), (_forwarded(envelope, recipient, (mailing_list.owner,)),)


def _forwarded(envelope: Envelope, recipient: Mailbox, targets: tuple[Mailbox, ...]) -> Envelope:
    """The return path stays (RFC 5321 3.9.1), and who was meant is told (RFC 3461 5.2.7.2, 5.2.7.3)."""
    asked = envelope.asked_for(recipient)
    notify = asked.notify
    if len(targets) > 1 and "SUCCESS" in notify:
        # Its sender hears of the expansion; several notices of success for one address would puzzle him.
        notify = tuple(one for one in notify if one != "SUCCESS") or ("NEVER",)
    told = Asked(notify, asked.orcpt or format_orcpt(str(recipient)))
    return msgspec.structs.replace(
        envelope,
        recipients=targets,
        content=delivered_to_line(recipient) + envelope.content,
        smtputf8=envelope.smtputf8 or not all(str(who).isascii() for who in targets) or not str(recipient).isascii(),
        asked={str(who): told for who in targets},
    )


def _went_on(recipient: Mailbox, reason: str) -> RecipientOutcome:
    return RecipientOutcome(recipient, Judgement("accepted", "mailbox", None, "2.0.0", reason))


def _list_took(recipient: Mailbox) -> RecipientOutcome:
    return RecipientOutcome(recipient, Judgement("delivered", "mailbox", None, "2.0.0", "delivered", str(recipient)))


def _failed(recipient: Mailbox, status: str, reason: str, detail: str = "") -> RecipientOutcome:
    result: Result = "deferred" if status.startswith("4") else "refused"
    return RecipientOutcome(recipient, Judgement(result, "mailbox", None, status, reason, detail))


def _named(people: Sequence[Mailbox]) -> str:
    return ", ".join(map(str, people))
