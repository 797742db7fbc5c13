"""How the servers of the wide world behave: their codes, the order of their checks, their limits and their pauses.

The codes, limits and pauses are those systems' own; the words are ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from smtplab.wire.reply import Reply, make_reply, without_enhanced

Manner = Literal["plain", "postfix", "exim", "exchange", "gmail"]
Verdict = Literal["greylisted", "rate-limited", "blocklisted"]
Occasion = Literal["greeting", "mail", "rcpt", "content"]

_ESMTP = ("PIPELINING", "SIZE", "8BITMIME", "ENHANCEDSTATUSCODES", "STARTTLS")


class Word(msgspec.Struct, frozen=True):
    """A reply's code and words; `{who}` is the recipient, `{id}` the queue id, `{host}` the server; of a verdict
    on a client `{client}` is its address, `{zone}` the blocklist, `{why}` what that says of it."""

    code: int
    enhanced: str
    text: str

    def reply(self, **values: str) -> Reply:
        """With the values put in."""
        return make_reply(self.code, self.text.format(**values), enhanced=self.enhanced or None)


class Behaviour(msgspec.Struct, frozen=True, kw_only=True):
    banner: str = "{host} ESMTP"
    extensions: tuple[str, ...] = _ESMTP
    size_octets_max: int = 10_485_760
    recipients_max: int = 1000
    hops_max: int = 100
    reply_ms: float = 1.0
    refusal_s: float = 0.0
    """How long a client that was refused for good has to wait for being told so: a tarpit."""
    errors_borne: int | None = None
    """After so many refusals and no message every reply comes `weary_s` late; None: it never tires."""
    weary_s: float = 0.0
    content_ms: float = 0.0
    """How long the content is looked at before it is taken."""
    enhanced: bool = True
    """Enhanced status codes are its own, not only its administrator's."""
    judges_at: Occasion = "rcpt"
    """When the client's reputation and rate are held against it."""
    words: Mapping[str, Word] = {}
    """By the verb and the code of a plain server's reply, `RCPT 550 5.1.1`, or the verb alone for its 2xx and 3xx."""
    verdicts: Mapping[Verdict, Word] = {}


_PLAIN = Behaviour(
    verdicts={
        "greylisted": Word(451, "4.7.1", "Greylisted, come back later"),
        "rate-limited": Word(421, "4.7.0", "Too many messages from you, come back later"),
        "blocklisted": Word(554, "5.7.1", "Your address [{client}] is listed by {zone}{why}"),
    }
)

# Postfix delays every refusal until RCPT, so that the log knows who was meant (smtpd_delay_reject); after 10 errors
# (smtpd_soft_error_limit) each reply waits 1 s (smtpd_error_sleep_time), 50 hops are hopcount_limit, 10240000 octets
# message_size_limit.
_POSTFIX = Behaviour(
    banner="{host} ESMTP Postfix",
    extensions=(
        "PIPELINING", "SIZE", "VRFY", "ETRN", "STARTTLS", "ENHANCEDSTATUSCODES", "8BITMIME", "DSN", "SMTPUTF8",
        "CHUNKING",
    ),
    size_octets_max=10_240_000,
    hops_max=50,
    reply_ms=0.8,
    errors_borne=10,
    weary_s=1.0,
    words={
        "MAIL": Word(250, "2.1.0", "Ok"),
        "RCPT": Word(250, "2.1.5", "Ok"),
        "DATA": Word(354, "", "Go on; a dot alone on its line is the end"),
        "RSET": Word(250, "2.0.0", "Ok"),
        "RCPT 550 5.1.1": Word(550, "5.1.1", "<{who}>: recipient refused, not in the table of local users"),
        "RCPT 550 5.7.1": Word(554, "5.7.1", "<{who}>: relay access refused"),
        ".": Word(250, "2.0.0", "Ok: queued as {id}"),
        ". 554 5.4.6": Word(554, "5.4.0", "Too many hops"),
    },
    verdicts={
        "greylisted": Word(450, "4.2.0", "Recipient refused for now: greylisted"),
        "rate-limited": Word(450, "4.7.1", "Too much mail from this client"),
        "blocklisted": Word(554, "5.7.1", "Service unavailable: client host [{client}] is listed by {zone}{why}"),
    },
)  # fmt: skip

# Exim gives no enhanced codes unless told to, and its ACLs decide at RCPT; received_headers_max is 30 and
# message_size_limit 50M.
_EXIM = Behaviour(
    banner="{host} ESMTP Exim 4.96",
    extensions=("SIZE", "8BITMIME", "PIPELINING", "CHUNKING", "STARTTLS", "HELP"),
    size_octets_max=52_428_800,
    hops_max=30,
    reply_ms=1.5,
    enhanced=False,
    words={
        "MAIL": Word(250, "", "OK"),
        "RCPT": Word(250, "", "Accepted"),
        "DATA": Word(354, "", "Write the message and close it with a lone dot"),
        "RSET": Word(250, "", "Reset OK"),
        "QUIT": Word(221, "", "{host} closing"),
        "RCPT 550 5.1.1": Word(550, "", "No such user at this address"),
        "RCPT 550 5.7.1": Word(550, "", "relay not permitted"),
        ".": Word(250, "", "OK id={id}"),
        ". 554 5.4.6": Word(550, "", "Too many Received lines: perhaps a mail loop"),
    },
    verdicts={
        "greylisted": Word(451, "", "greylisted, try again later"),
        "rate-limited": Word(451, "", "sending faster than allowed"),
        "blocklisted": Word(550, "", "{client} is listed by {zone}{why}"),
    },
)

# Exchange makes an anonymous client wait 5 s for every 5xx (TarpitInterval) and filters connections at MAIL.
_EXCHANGE = Behaviour(
    banner="{host} Microsoft ESMTP MAIL Service ready",
    extensions=(
        "SIZE", "PIPELINING", "DSN", "ENHANCEDSTATUSCODES", "STARTTLS", "8BITMIME", "BINARYMIME", "CHUNKING",
        "SMTPUTF8",
    ),
    size_octets_max=37_748_736,
    recipients_max=500,
    hops_max=60,
    reply_ms=4.0,
    refusal_s=5.0,
    judges_at="mail",
    words={
        "MAIL": Word(250, "2.1.0", "Sender OK"),
        "RCPT": Word(250, "2.1.5", "Recipient OK"),
        "DATA": Word(354, "", "Start the message; a single dot ends it"),
        "RSET": Word(250, "2.0.0", "Resetting"),
        "QUIT": Word(221, "2.0.0", "Closing the channel"),
        "RCPT 550 5.1.1": Word(550, "5.1.10", "RecipientNotFound: the directory has no <{who}>"),
        "RCPT 550 5.7.1": Word(550, "5.7.54", "Cannot relay for a client that did not log in"),
        ".": Word(250, "2.6.0", "{id} queued for delivery"),
    },
    verdicts={
        "greylisted": Word(451, "4.7.1", "Try again later"),
        "rate-limited": Word(421, "4.4.2", "Message rate exceeded, closing the channel"),
        "blocklisted": Word(550, "5.7.1", "Client host [{client}] is on the block list {zone}{why}"),
    },
)  # fmt: skip

# Gmail takes its time over the content and tells its opinion of the client only then; its limits are published.
_GMAIL = Behaviour(
    banner="{host} ESMTP - gsmtp",
    extensions=("SIZE", "8BITMIME", "STARTTLS", "ENHANCEDSTATUSCODES", "PIPELINING", "CHUNKING", "SMTPUTF8"),
    size_octets_max=157_286_400,
    recipients_max=100,
    reply_ms=12.0,
    content_ms=350.0,
    judges_at="content",
    words={
        "MAIL": Word(250, "2.1.0", "OK - gsmtp"),
        "RCPT": Word(250, "2.1.5", "OK - gsmtp"),
        "DATA": Word(354, "", "Go ahead - gsmtp"),
        "RSET": Word(250, "2.1.5", "Flushed - gsmtp"),
        "QUIT": Word(221, "2.0.0", "Closing - gsmtp"),
        "RCPT 550 5.1.1": Word(550, "5.1.1", "There is no account {who} here; look for a slip in it - gsmtp"),
        "RCPT 550 5.7.1": Word(550, "5.7.1", "Relaying is not for you - gsmtp"),
        ".": Word(250, "2.0.0", "OK {id} - gsmtp"),
    },
    verdicts={
        "greylisted": Word(421, "4.7.0", "Try again later - gsmtp"),
        "rate-limited": Word(421, "4.7.28", "Unusually much mail from your address - gsmtp"),
        "blocklisted": Word(550, "5.7.1", "Your address has sent unsolicited mail - gsmtp"),
    },
)

_BEHAVIOURS: dict[Manner, Behaviour] = {
    "plain": _PLAIN,
    "postfix": _POSTFIX,
    "exim": _EXIM,
    "exchange": _EXCHANGE,
    "gmail": _GMAIL,
}


def behaviour_of(manner: Manner) -> Behaviour:
    """What the name stands for."""
    return _BEHAVIOURS[manner]


def quicker(behaviour: Behaviour, speed: float) -> Behaviour:
    """Its pauses divided."""
    return msgspec.structs.replace(
        behaviour,
        reply_ms=behaviour.reply_ms / speed,
        refusal_s=behaviour.refusal_s / speed,
        weary_s=behaviour.weary_s / speed,
        content_ms=behaviour.content_ms / speed,
    )


def reword(behaviour: Behaviour, verb: str, reply: Reply, **values: str) -> Reply:
    """The plain server's reply in this one's manner; unchanged where it has no words of its own."""
    word = behaviour.words.get(f"{verb} {reply.code} {reply.enhanced}")
    if word is None and reply.severity in (2, 3):
        word = behaviour.words.get(verb)
    if word is not None:
        return word.reply(**values)
    return reply if behaviour.enhanced else without_enhanced(reply)
