"""Error objects in shapes that only one provider has."""

import pytest

from pi_fallback.providers.errors import error_in


@pytest.mark.parametrize(
    ("error", "code", "wait_s"),
    [
        # Anthropic: a finer code beside the type.
        ({"type": "rate_limit_error", "message": "no", "details": {"error_code": "spend"}}, "spend", None),
        # A ChatGPT plan says when it starts anew.
        ({"code": "usage_limit_reached", "message": "no", "resets_in_seconds": 5400}, "usage_limit_reached", 5400.0),
        ({"code": "usage_limit_reached", "message": "no", "resets_in_seconds": -1}, "usage_limit_reached", None),
        ({"code": "usage_limit_reached", "message": "no", "resets_in_seconds": "soon"}, "usage_limit_reached", None),
        # Google: the note's wait.
        ({"code": 429, "message": "no", "details": [{"retryDelay": "34.5s"}]}, "429", 34.5),
    ],
)
def test_what_an_error_says_beyond_its_words_is_read(error: dict[str, object], code: str, wait_s: float | None) -> None:
    found = error_in({"error": error})
    assert found is not None
    assert (found.code, found.retry_after_s) == (code, wait_s)
