"""The arrows go through what was sent."""

from pi_fallback.tui.history import History


def test_the_arrows_walk_the_lines_and_come_back_to_the_draft() -> None:
    history = History().sent("one").sent("two")
    shown: list[str] = []
    text = "draft"
    for step in (-1, -1, 1, 1):
        moved = history.moved(step, text)
        assert moved is not None
        history, text = moved
        shown.append(text)
    assert shown == ["two", "one", "two", "draft"]


def test_both_ends_are_ends() -> None:
    history = History().sent("one")
    assert history.moved(1, "draft") is None
    moved = history.moved(-1, "draft")
    assert moved is not None
    assert moved[0].moved(-1, moved[1]) is None


def test_the_same_line_twice_is_kept_once() -> None:
    assert History().sent("one").sent("one").sent("two").sent("one").lines == ("one", "two", "one")
