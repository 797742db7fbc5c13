"""An inbox filled as `smtplab serve` fills it, without a socket."""

from __future__ import annotations

from smtplab import events as ev
from smtplab.mta.inbox.ledger import Ledger
from smtplab.mta.inbox.port import Kept
from smtplab.mta.inbox.store import open_inbox
from smtplab.mta.queue.identifier import QueueIds
from smtplab.net.live import unforeseeable

CLIENT = "10.0.0.9"


class StandingClock:
    """The same moment for ever, so that what is shown is the same in every run."""

    def now(self):
        return 1_795_395_600.0


class Server:
    """Writes into an inbox as `smtplab serve` does."""

    def __init__(self, home):
        self.store = open_inbox(home / "inbox")
        self.ids = QueueIds(StandingClock(), unforeseeable("queue-id"))
        self.ledger = Ledger(StandingClock(), self.ids, "mx", self.store)

    async def message(
        self,
        subject="Hello",
        body=b"body",
        sender="a@b.example",
        tls="",
        header=b"",
        recipients=("student@hust.example",),
    ):
        session = self.ledger.begin("smtp", CLIENT)
        session.scope(ev.CommandReceived("EHLO", "EHLO client.example"))
        session.scope(ev.ReplySent(250, None, ("mx.hust.example",), 0.1, "EHLO"))
        name = self.ids.next_id()
        content = b"Subject: " + subject.encode() + b"\r\n" + header + b"\r\n" + body + b"\r\n"
        kept = Kept(
            id=name,
            received_at=1_795_395_600.0,
            sender=sender,
            recipients=recipients,
            octets=len(content),
            subject=subject,
            client=CLIENT,
            tls=tls,
            session=session.id,
        )
        assert await self.store.put(kept, content) is None
        session.messages.append(name)
        session.scope(ev.Disconnected("them", clean=True))
        return name

    async def several(self, *subjects):
        """One after the other in one session; each sender is called as its message is."""
        session = self.ledger.begin("smtp", CLIENT)
        session.scope(ev.CommandReceived("EHLO", "EHLO client.example"))
        for subject in subjects:
            name = self.ids.next_id()
            sender = f"{subject}@b.example"
            kept = Kept(
                id=name,
                received_at=1_795_395_600.0,
                sender=sender,
                recipients=("student@hust.example",),
                octets=1,
                subject=subject,
                session=session.id,
            )
            assert await self.store.put(kept, b"Subject: " + subject.encode() + b"\r\n\r\nbody\r\n") is None
            session.messages.append(name)
            session.scope(ev.CommandReceived("MAIL", f"MAIL FROM:<{sender}>"))
            session.scope(ev.ReplySent(250, "2.0.0", (f"2.0.0 Accepted as {name}",), 0.1, "."))
        session.scope(ev.Disconnected("them", clean=True))

    async def refused(self):
        session = self.ledger.begin("smtp", CLIENT)
        session.scope(ev.CommandReceived("EHLO", "EHLO spammer.example"))
        session.scope(ev.CommandReceived("RCPT", "RCPT TO:<x@y.example>"))
        session.scope(ev.ReplySent(550, "5.7.1", ("5.7.1 Relaying denied",), 0.1, "RCPT"))
        session.scope(ev.Disconnected("them", clean=True))
        return session.id

    async def close(self):
        await self.ledger.close(5)
        await self.store.close()
