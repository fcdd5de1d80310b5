"""The calendar: today's date and time of day, in the zone where the user sits."""

from collections.abc import Callable
from datetime import datetime


def calendar(wall: Callable[[], float]) -> Callable[[], datetime | None]:
    """Return what tells the moment of `wall` (seconds since 1970) as an aware datetime of the local zone.

    It answers None while the clock shows what no calendar holds.
    """

    def today() -> datetime | None:
        try:
            return datetime.fromtimestamp(wall()).astimezone()
        except (ValueError, OverflowError, OSError):  # which of them depends on the system
            return None

    return today
