"""Signals: observers hear, and cannot hurt who sends."""

import logging

import pytest

from pi_fallback.runtime import feed
from pi_fallback.runtime.signals import Signals


def test_a_receiver_that_raises_is_logged_and_the_others_still_hear(caplog: pytest.LogCaptureFixture) -> None:
    signals, heard = Signals(), list[str]()

    def broken(_sender: object, text: str) -> None:
        raise ValueError("boom")

    async def late(_sender: object, text: str) -> None: ...

    def hear(_sender: object, text: str) -> None:
        heard.append(text)

    for receiver in (broken, late, hear):
        signals.gave_up.connect(receiver)
    with caplog.at_level(logging.ERROR):
        signals.gave_up.send("the agent", text="nothing is left")
    assert heard == ["nothing is left"]
    assert [record.getMessage() for record in caplog.records] == ["a receiver of the signal 'gave_up' failed"] * 2


def test_a_listener_hears_the_feed_until_it_ends_that() -> None:
    signals, heard = Signals(), list[feed.FeedItem]()
    signals.emit(feed.TurnStarted(0))
    end = signals.listen(heard.append)
    signals.emit(feed.TurnStarted(1))
    end()
    signals.emit(feed.TurnStarted(2))
    assert heard == [feed.TurnStarted(1)]


def test_two_hosts_do_not_hear_each_other() -> None:
    one, other, heard = Signals(), Signals(), list[feed.FeedItem]()
    one.listen(heard.append)
    other.emit(feed.TurnStarted(0))
    assert heard == []


def test_each_signal_says_who_sends_it_and_with_which_arguments() -> None:
    signals = Signals()
    names = {signal.name for signal in signals.all}
    assert names == {
        "event", "update", "switched", "rested", "woke", "resumed", "gave_up", "timer", "plugin_fault"
    }  # fmt: skip
    for signal in signals.all:
        assert getattr(signals, signal.name) is signal
        assert "Sender: " in (signal.__doc__ or "")
        assert "Arguments: `" in (signal.__doc__ or "")
