"""Mid-stream failures: whether the text that came before one is sent along, to be gone on with."""

from pi_fallback_hookspecs import Failure, FaultKind, Model, Phase, ScopeKind

WITHOUT_PREFIX = frozenset({"openai-responses"})  # it has no place for the beginning of an answer

BREAKS = frozenset(
    {FaultKind.BROKEN, FaultKind.INCOMPLETE, FaultKind.QUIET_TIMEOUT, FaultKind.TOTAL_TIMEOUT, FaultKind.ERROR_EVENT}
)
"""Ends that say nothing against the text before them, as a filter's or nonsense do."""


def prefix_after(before: str, written: str, failure: Failure, *, only_text: bool) -> str:
    """Return what the next attempt may go on from: `before`, which this one went on from, and what it has `written`.

    Nothing once it thought or began a tool call, because a text alone does not say what those were;
    nothing either if the request or its text may be at fault.
    """
    if failure.scope is ScopeKind.REQUEST or failure.fault is None or not only_text:
        return ""
    if failure.phase is Phase.PRE and not written:
        return before
    if failure.phase is not Phase.TEXT or failure.fault.kind not in BREAKS:
        return ""
    return (before + written).rstrip()  # hosts refuse a beginning that ends in white space


def takes_prefix(model: Model | None, dialect: str) -> bool:
    return model is not None and model.prefill and dialect not in WITHOUT_PREFIX
