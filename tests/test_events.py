"""The vocabulary as the outside sees it: names, keys and their order."""

from typing import get_args

import msgspec
import pytest

from smtplab import events as ev

CONTRACT = {
    "journey_started": "recipient sender mode world seed",
    "journey_ended": "result code enhanced detail",
    "dns_queried": "name rrtype server",
    "dns_answered": "name rrtype server rcode records ttl authentic ms",
    "dns_failed": "name rrtype server reason",
    "route_found": "domain source hosts",
    "host_skipped": "host reason",
    "policy_found": "kind policy",
    "connect_started": "host address port",
    "connected": "host address port ms",
    "connect_failed": "host address port ms reason",
    "disconnected": "by clean",
    "command_sent": "verb line",
    "command_received": "verb line",
    "reply_received": "code enhanced lines ms",
    "reply_sent": "code enhanced lines ms",
    "extensions_learned": "extensions",
    "state_changed": "old new",
    "rule_broken": "rule by detail rfc",
    "tls_started": "server_name",
    "tls_established": "version cipher certificate verified_by",
    "tls_failed": "reason",
    "authenticated": "mechanism user",
    "message_sent": "octets transfer",
    "message_received": "octets transfer",
    "bytes_sent": "data",
    "bytes_received": "data",
    "queued": "queue_id",
    "attempt_started": "queue_id number host",
    "delivered": "queue_id recipient mailbox",
    "deferred": "queue_id recipient next_attempt reason",
    "bounced": "queue_id recipient status diagnostic",
    "bounce_sent": "queue_id recipient",
    "dequeued": "queue_id reason",
    "mail_collected": "protocol mailbox octets",
    "gate_held": "line",
    "gate_released": "line by",
    "judged": "check verdict detail",
    "fault_injected": "fault where",
}


def test_the_union_is_the_contracts_vocabulary_and_nothing_else():
    assert {kind.__struct_config__.tag for kind in get_args(ev.Event)} == set(CONTRACT)


@pytest.mark.parametrize("kind", get_args(ev.Event), ids=lambda kind: kind.__name__)
def test_the_keys_that_are_always_present_are_the_contracts_in_its_order(kind):
    always = [field.name for field in msgspec.structs.fields(kind) if field.required]
    assert always == CONTRACT[kind.__struct_config__.tag].split()


def test_an_optional_key_is_left_out_where_it_says_nothing():
    assert b"raw" not in msgspec.json.encode(ev.CommandSent("NOOP", "NOOP"))
    assert b'"raw":"AAE="' in msgspec.json.encode(ev.CommandSent("NOOP", "NOOP", b"\x00\x01"))


def test_an_event_can_not_be_changed():
    with pytest.raises(AttributeError):
        ev.Queued("1").queue_id = "2"
