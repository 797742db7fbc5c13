"""Recorded time: stepping, going back, pacing, speed and following."""

from smtplab.events import StateChanged
from smtplab.journal import Record
from smtplab.ui.player import GAP_S_MAX, GAP_S_MIN, Player


def records(*elapsed_s: float) -> list[Record]:
    event = StateChanged("a", "b")
    return [Record(n + 1, 0, round(s * 1e6), 0, "n", "s", "dns", event) for n, s in enumerate(elapsed_s)]


def seen(_: int) -> bool:
    return True


def even(index: int) -> bool:
    return index % 2 == 0


def test_a_step_shows_the_next_record_that_is_seen_and_what_belongs_to_it():
    player = Player(records(0, 1, 2, 3), even, live=False)
    assert [player.step() and player.at, player.step() and player.at] == [2, 4]
    assert not player.step()


def test_back_takes_away_the_last_record_that_was_seen():
    player = Player(records(0, 1, 2, 3), even, live=False)
    player.to_end()
    assert player.back()
    assert player.at == 2


def test_back_leaves_the_first_record():
    player = Player(records(0, 1), seen, live=False)
    player.step()
    assert not player.back()
    assert player.at == 1


def test_start_shows_the_first_record_and_end_shows_all():
    player = Player(records(0, 1, 2), seen, live=False)
    player.to_end()
    assert player.at == 3
    player.to_start()
    assert player.at == 1


def test_playing_waits_as_long_as_was_recorded():
    player = Player(records(0, 0.5, 1.0), seen, live=False)
    at = []
    for now_s in (100.0, 100.4, 100.5, 100.9, 101.0):
        player.tick(now_s)
        at.append(player.at)
    assert at == [1, 1, 2, 2, 3]


def test_playing_never_waits_longer_than_a_viewer_would():
    player = Player(records(0, 3600), seen, live=False)
    player.tick(0.0)
    assert not player.tick(GAP_S_MAX - 0.01)
    assert player.tick(GAP_S_MAX)


def test_playing_never_goes_by_faster_than_the_eye():
    player = Player(records(0, 0.0001), seen, live=False)
    player.tick(0.0)
    assert not player.tick(GAP_S_MIN - 0.01)
    assert player.tick(GAP_S_MIN)


def test_twice_the_speed_halves_the_wait():
    player = Player(records(0, 1), seen, live=False)
    player.change_speed(1)
    player.tick(0.0)
    assert not player.tick(0.49)
    assert player.tick(0.5)


def test_speed_stays_within_its_notches():
    player = Player([], seen, live=False)
    for _ in range(20):
        player.change_speed(-1)
    assert player.speed == 0.25


def test_a_step_pauses():
    player = Player(records(0, 1, 2), seen, live=False)
    player.step()
    assert not player.playing
    assert not player.tick(1e6)


def test_a_live_walk_is_followed_without_a_wait():
    known = records(0, 1)
    player = Player(known, seen, live=True)
    assert player.tick(0.0)
    known.extend(records(0, 1, 2, 3)[2:])
    assert player.tick(0.01)
    assert (player.at, player.following) == (4, True)


def test_a_live_walk_that_was_left_is_followed_again_from_the_end():
    player = Player(records(0, 1, 2), seen, live=True)
    player.tick(0.0)
    player.back()
    assert not player.following
    player.to_end()
    assert player.following


def test_a_live_walk_that_fell_behind_catches_up_and_is_followed_then():
    player = Player(records(0, 1, 2), seen, live=True)
    player.tick(0.0)
    player.to_start()
    player.toggle()
    assert not player.following
    for now_s in range(1, 10):
        player.tick(float(now_s) * GAP_S_MAX)
    assert (player.at, player.following) == (3, True)
