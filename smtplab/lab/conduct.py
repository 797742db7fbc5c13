"""How a server behaves: its behaviour file, read again when it changes, and an ordeal for each session."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

import msgspec

from smtplab.events import FaultInjected
from smtplab.journal import Scope
from smtplab.lab.bad_input import BadInput
from smtplab.mta.behaviour.faults import BareDot, Certificate, Fault, Handshake, Stage, name_of
from smtplab.mta.behaviour.file import BehaviourError, BehaviourFile, read_behaviour
from smtplab.mta.behaviour.injector import Injector, Occasion
from smtplab.mta.behaviour.interference import Interference, Tampering
from smtplab.mta.behaviour.manner import behaviour_of
from smtplab.mta.behaviour.ordeal import Ordeal, Ward
from smtplab.mta.behaviour.policy import Policies
from smtplab.mta.behaviour.trial import Trial
from smtplab.mta.entrance import Guest
from smtplab.mta.receive import Receiver, TakeContent
from smtplab.mta.rules import Rules
from smtplab.net.ports import Net, ServerTls, Wire
from smtplab.net.self_signed import WrongHow, self_signed_tls

LOOK_S = 1.0
"""Between two looks at the file; each session looks too."""

OnNotice = Callable[[BadInput], None]
"""Told of what goes wrong while the server goes on."""


class Conduct:
    """Made from a file that can be used, or BadInput. A session that has begun keeps to what it began with."""

    def __init__(self, path: Path, hostname: str, net: Net, on_notice: OnNotice) -> None:
        self._path = path
        self._hostname = hostname
        self._net = net
        self._on_notice = on_notice
        self._wrong_tls: dict[WrongHow, ServerTls] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._seen = self._look()
        try:
            self._file = read_behaviour(path)
        except BehaviourError as trouble:
            raise BadInput("behaviour.bad", reason=trouble.told) from trouble
        self._ward = self._make_ward(self._file)

    def watch(self) -> None:
        """The file is looked at now and then, until `close`."""
        self.refresh()
        self._timer = asyncio.get_running_loop().call_later(LOOK_S, self.watch)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def refresh(self) -> None:
        """Where the file has changed, it is read again, and counts and chances begin anew; a broken one is told of."""
        seen = self._look()
        if seen == self._seen:
            return
        self._seen = seen
        try:
            self._file = read_behaviour(self._path)
        except BehaviourError as trouble:
            self._on_notice(BadInput("behaviour.kept", reason=trouble.told))
        else:
            self._ward = self._make_ward(self._file)

    def receiver(self, rules: Rules, wire: Wire, scope: Scope, accept: TakeContent) -> Guest:
        """For one session."""
        self.refresh()
        ward, manner = self._ward, self._ward.behaviour
        if self._file.manner != "plain":
            rules = msgspec.structs.replace(rules, banner=manner.banner, reply_delay_s=manner.reply_ms / 1000)
        ordeal = Ordeal(ward, rules, scope, wire.peer.address)
        interference = Interference(wire, ordeal.suffering, self._tampering(ward, wire.peer.address), scope)
        guest = Receiver(ordeal.rules(), self._net, scope, ordeal.accept(accept))
        return Trial(guest, ordeal, interference, scope, rules.tls if rules.implicit_tls else None)

    def _look(self) -> tuple[int, int, int] | None:
        """What tells one version of the file from another; None where it is not there."""
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _make_ward(self, file: BehaviourFile) -> Ward:
        return Ward(
            name=self._hostname,
            place="",
            behaviour=behaviour_of(file.manner),
            policies=Policies(file.greylisting, file.rate_limit, file.blocklists, self._net),
            injector=Injector(file.faults, lambda purpose: _chance(file.seed, purpose)),
            clock=self._net.clock,
            chance=_chance(file.seed, "noise"),
            start_s=self._net.clock.monotonic(),
        )

    def _tampering(self, ward: Ward, client: str) -> Tampering:
        def acts(kind: type[Fault], scope: Scope) -> Fault | None:
            stage = _STAGE_OF_KIND[kind]
            at_s = ward.clock.monotonic() - ward.start_s
            for fault in ward.injector.at("", stage, at_s, Occasion(client, session=scope.span), only=kind):
                scope(FaultInjected(name_of(fault), f"{ward.name}/{stage}"))
                return fault
            return None

        return Tampering(
            strips_starttls=lambda _: False,
            takes_bare_dots=lambda scope: acts(BareDot, scope) is not None,
            certificate=lambda scope: self._certificate(acts(Certificate, scope)),
            handshake=lambda scope: found if isinstance(found := acts(Handshake, scope), Handshake) else None,
        )

    def _certificate(self, fault: Fault | None) -> ServerTls | None:
        if not isinstance(fault, Certificate):
            return None
        if fault.how not in self._wrong_tls:
            self._wrong_tls[fault.how] = self_signed_tls(self._hostname, self._net.clock.now(), fault.how)
        return self._wrong_tls[fault.how]


_STAGE_OF_KIND: dict[type[Fault], Stage] = {BareDot: "data", Certificate: "tls", Handshake: "tls"}


def _chance(seed: int, purpose: str) -> random.Random:
    """The same draws for the same seed and purpose, whatever the process and its hash seed."""
    return random.Random(f"{seed}/{purpose}")  # noqa: S311 - faults want to be repeatable
