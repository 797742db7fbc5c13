from smtplab.mta.behaviour.faults import Delay, DnsChange, Refuse, Reset, When, WrongReply, name_of
from smtplab.mta.behaviour.injector import Injector, Occasion

MX = "mx.example"


def names(injector: Injector, at_s: float = 0.0, occasion: Occasion | None = None) -> list[str]:
    return [name_of(fault) for fault in injector.at(MX, "rcpt", at_s, occasion or Occasion())]


def test_every_delay_acts_and_of_the_others_the_first():
    faults = [
        Delay(where=MX, stage="rcpt", seconds=1),
        Refuse(where=MX, stage="rcpt"),
        Reset(where=MX, stage="rcpt"),
        Delay(where=MX, stage="rcpt", seconds=2),
    ]
    assert names(Injector(faults)) == ["delay", "refuse", "delay"]


def test_what_did_not_act_is_not_counted():
    faults = [Refuse(where=MX, stage="rcpt", count=1), Reset(where=MX, stage="rcpt", count=1)]
    injector = Injector(faults)
    assert [names(injector) for _ in range(3)] == [["refuse"], ["reset"], []]


def test_a_fault_knows_its_time_its_client_and_its_recipient():
    when = When(from_s=10, until_s=20, client="10.0.0.1", recipient="A@x.example")
    injector = Injector([WrongReply(where=MX, stage="rcpt", code=450, when=when)])
    fitting = Occasion("10.0.0.1", ("a@X.example",))
    assert names(injector, 10, fitting) == ["reply"]
    assert names(injector, 9.9, fitting) == names(injector, 20, fitting) == []
    assert names(injector, 15, Occasion("10.0.0.2", ("a@x.example",))) == []
    assert names(injector, 15, Occasion("10.0.0.1", ("b@x.example",))) == []


def test_changes_of_dns_data_come_in_the_order_of_their_moments():
    late, early = (DnsChange(where="x.example", text=str(at), when=When(from_s=at)) for at in (9, 3))
    assert Injector([late, early]).changes() == (early, late)


def test_a_world_without_faults_has_nothing_to_ask_for():
    assert not Injector([])
    assert not Injector([]).touches(MX)
