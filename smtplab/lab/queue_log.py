"""The queue in the log: a line for each message that comes and goes, and for what became of its recipients."""

from __future__ import annotations

from smtplab.events import Bounced, BounceSent, Deferred, Delivered, Dequeued, Judged, Queued
from smtplab.journal import Record
from smtplab.lab.logbook import Logbook


class QueueLog:
    def __init__(self, book: Logbook) -> None:
        self._book = book

    def read(self, record: Record) -> None:
        """Of a queue's journal; what happens in its sessions is not told here."""
        write = self._book.write
        match record.event:
            case Queued(queue_id):
                write("queued", {"queue": queue_id})
            case Delivered(queue_id, recipient, mailbox):
                write("delivered", {"queue": queue_id, "recipient": recipient, "mailbox": mailbox})
            case Deferred(queue_id, recipient, moment, reason):
                write("deferred", {"queue": queue_id, "recipient": recipient, "next": moment, "reason": reason})
            case Bounced(queue_id, recipient, status, diagnostic):
                told = {"queue": queue_id, "recipient": recipient, "status": status, "reason": diagnostic}
                write("bounced", {**told})
            case BounceSent(queue_id, recipient):
                write("notice", {"queue": queue_id, "recipient": recipient, "about": "failed"})
            case Judged("notice", about, recipient):
                write("notice", {"queue": _queue_id(record), "recipient": recipient, "about": about})
            case Judged("delivery-in-doubt", _, detail):
                # A crash fell between the content and our record of its answer: the recipient may get it twice.
                recipient, _, host = detail.rpartition(" ")
                write("in-doubt", {"queue": _queue_id(record), "recipient": recipient, "host": host})
            case Dequeued(queue_id, reason):
                write("dequeued", {"queue": queue_id, "reason": reason})
            case _:
                pass


def _queue_id(record: Record) -> str:
    """Its scope is `queue/ID`."""
    return record.span.rpartition("/")[2]
