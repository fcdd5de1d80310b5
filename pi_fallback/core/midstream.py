"""Mid-stream failures: whether the text that came before one is sent along, to be gone on with."""

from pi_fallback_hookspecs import Model, Phase

WITHOUT_PREFIX = frozenset({"openai-responses"})  # it has no place for the beginning of an answer


def prefix_after(shown: str, phase: Phase, *, only_text: bool, go_on: bool) -> str:
    """Return what of `shown`, the text of an answer that broke off, the next attempt may go on from.

    Nothing unless `go_on`: the answer then starts anew. Nothing either once it thought or began a tool
    call, because a text alone does not say what those were.
    """
    if not (go_on and only_text and phase is Phase.TEXT):
        return ""
    return shown.rstrip()  # hosts refuse a beginning that ends in white space


def takes_prefix(model: Model | None, dialect: str) -> bool:
    return model is not None and model.prefill and dialect not in WITHOUT_PREFIX
