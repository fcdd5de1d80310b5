"""Details: what the typed notes of Google's errors (google.rpc, error_details.proto) add to their words."""

import re
from typing import NamedTuple

from pi_fallback.providers.loose import as_list, as_object, as_text

_DELAY = re.compile(r"(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m)?([0-9]{1,9}(?:\.[0-9]{1,9})?)s")
_SHOWN = 8  # violated quotas: an error names one for each window


class Details(NamedTuple):
    """`reason` of an `ErrorInfo`, ids of the quotas of a `QuotaFailure`, wait of a `RetryInfo`, in seconds."""

    reason: str | None = None
    quotas: tuple[str, ...] = ()
    delay_s: float | None = None


def details_in(value: object) -> Details:
    """Return what `value`, the field `details` of an error, says."""
    items = [as_object(item) for item in as_list(value)]
    reasons = (as_text(item.get("reason")) for item in items)
    violations = (as_object(violation) for item in items for violation in as_list(item.get("violations")))
    quotas = (as_text(violation.get("quotaId")) for violation in violations)
    # Cloud Code Assist says when a quota starts anew in its own words, now and then without a `RetryInfo`.
    resets = [as_object(item.get("metadata")).get("quotaResetDelay") for item in items]
    delays = (_seconds(wait) for wait in (*(item.get("retryDelay") for item in items), *resets))
    return Details(
        next((reason for reason in reasons if reason), None),
        tuple(dict.fromkeys(quota for quota in quotas if quota))[:_SHOWN],
        next((delay for delay in delays if delay is not None), None),
    )


def _seconds(wait: object) -> float | None:
    """Return a duration like "34.5s" or "25h20m26.2s"."""
    found = _DELAY.fullmatch(as_text(wait))
    return float(found[1] or 0) * 3600 + float(found[2] or 0) * 60 + float(found[3]) if found else None
