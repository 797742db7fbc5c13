"""A journey as a pcapng file: the packets that carried what the records tell, with explanations for Wireshark."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from ipaddress import IPv4Address

from smtplab.capture import pcapng
from smtplab.capture.addresses import AddressBook, caller_of, read_address
from smtplab.capture.conversation import Conversation, conversations
from smtplab.capture.datagrams import PORT_FIRST, PORTS, DnsWriter
from smtplab.capture.packets import Socket
from smtplab.capture.tcp import Packet, TcpWriter
from smtplab.journal import Record
from smtplab.net.rebuilt import TlsRebuilder

Explain = Callable[[Record], str]
"""What a person should know of a record, empty where nothing; called once for each record, in their order."""

SMTP, SUBMISSIONS, SUBMISSION = 25, 465, 587
"""The ports on which Wireshark expects SMTP."""
POP3, POP3S = 110, 995
"""And POP3."""

_SEQUENCE_STEP = 0x01000000
"""Between the first sequence numbers of connections, so that they are easily told apart."""


def export(records: Sequence[Record], explain: Explain) -> bytes:
    """A whole file. Never raises, whatever the records hold.

    Nothing but the records' own facts is in it, except: client ports and unknown addresses, which are invented, the
    octets of contents that were not recorded, which are filled in, and TLS sessions, which are made anew around the
    plain bytes and whose secrets stand in the file.
    """
    explanations = [explain(record) for record in records]
    book = AddressBook(records)
    talks = conversations(records)
    with TlsRebuilder() as rebuilder:
        packets = _dialogues(talks, book, rebuilder) + _questions(records, book)
        secrets = rebuilder.secrets()
    packets.sort(key=lambda packet: (packet.time_us, packet.place))
    true_ports = _true_ports(talks)
    blocks = [pcapng.section_header(), pcapng.interface(), pcapng.names(book.names())]
    if secrets:
        blocks.append(pcapng.tls_secrets(secrets))
    for packet in packets:
        said = [text for place in packet.told_by for text in (true_ports.get(place), explanations[place]) if text]
        blocks.append(pcapng.packet(packet.time_us, packet.data, said))
    return b"".join(blocks)


def shown_port(conversation: Conversation) -> int:
    """25, 465 or 587, or 110 or 995, whichever a lab's port stands for."""
    if conversation.protocol == "pop3":
        return POP3S if conversation.implicit_tls else POP3
    if conversation.implicit_tls:
        return SUBMISSIONS
    return SUBMISSION if str(conversation.port).endswith("587") else SMTP


def _dialogues(talks: Sequence[Conversation], book: AddressBook, rebuilder: TlsRebuilder) -> list[Packet]:
    packets: list[Packet] = []
    for number, conversation in enumerate(talks):
        client, server = _ends(conversation, book, PORT_FIRST + number % PORTS)
        writer = TcpWriter(client, server, rebuilder, start=(number + 1) * _SEQUENCE_STEP)
        for step in conversation.steps:
            writer.write(step)
        packets += writer.packets
    return packets


def _true_ports(talks: Sequence[Conversation]) -> dict[int, str]:
    """A comment, in the words of Wireshark's filters, on the first packet of each connection whose port is mapped."""
    return {
        place: f"tcp.port == {conversation.port}"
        for conversation in talks
        if conversation.port not in (None, shown_port(conversation))
        for step in conversation.steps[:1]
        for place in step.told_by[:1]
    }


def _questions(records: Sequence[Record], book: AddressBook) -> list[Packet]:
    writer = DnsWriter(book)
    for place, record in enumerate(records):
        writer.write(place, record)
    return writer.packets


def _ends(conversation: Conversation, book: AddressBook, client_port: int) -> tuple[Socket, Socket]:
    """The client's and the server's, of one family."""
    if conversation.is_client:
        server = read_address(conversation.address) or book.of(conversation.host, _NOWHERE)
        client = book.of(conversation.node, server)
    else:
        client = caller_of(conversation.span) or _NOWHERE
        server = book.of(conversation.node, client)
    return Socket(client, client_port), Socket(server, shown_port(conversation))


_NOWHERE = IPv4Address("192.0.2.254")
"""Stands for a client of whom nothing is known; documentation's own (RFC 5737 3)."""
