from smtplab.sim import chance


def test_one_seed_node_and_purpose_draw_the_same_always():
    assert chance.random(1, "mx1", "mx-order").random() == chance.random(1, "mx1", "mx-order").random()
    assert chance.octets(1, "mx1", "key").hex() == "b101880f2797a51542e2d0bc4e1ba8cd8af38a50dbf1b1addc4a5f89a436ce95"


def test_another_seed_node_or_purpose_draws_otherwise():
    draws = [chance.octets(*triple) for triple in [(1, "a", "b"), (2, "a", "b"), (1, "b", "b"), (1, "a", "c")]]
    assert len(set(draws)) == 4


def test_two_triples_never_run_into_one():
    assert chance.octets(1, "ab", "c") != chance.octets(1, "a", "bc")


def test_asking_twice_for_one_purpose_goes_on_in_the_same_sequence():
    draw = chance.chance_of(1, "mx1")
    alone = chance.random(1, "mx1", "queue-id")
    assert [draw("queue-id").random(), draw("queue-id").random()] == [alone.random(), alone.random()]
