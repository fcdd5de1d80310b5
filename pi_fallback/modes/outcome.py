"""The outcome of a headless session: how its last run ended, and what the program answers to the shell."""

from dataclasses import dataclass

from pi_fallback.runtime import feed
from pi_fallback_hookspecs import AssistantMessage, StopReason

FAILED = 1


@dataclass
class Outcome:
    """What the last run came to. Without a run, as after a command that only spoke, all is well."""

    last: feed.RunEnded | None = None
    closing: str | None = None  # the closing error, if it was told

    def hear(self, item: feed.FeedItem) -> None:
        match item:
            case feed.RunEnded():
                self.last, self.closing = item, None
            case feed.GaveUp(text):
                self.closing = text
            case _:
                pass

    @property
    def answer(self) -> AssistantMessage | None:
        """The last answer of the last run, also a failed one."""
        messages = () if self.last is None else self.last.messages
        return next((message for message in reversed(messages) if isinstance(message, AssistantMessage)), None)

    @property
    def exit_code(self) -> int:
        bad = self.last is not None and self.last.stop_reason in {StopReason.ERROR, StopReason.ABORTED}
        return FAILED if bad else 0
