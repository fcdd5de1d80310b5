"""Accounts and their limits, as far as spec ids promise: RF2 and RF3, with two accounts at the first provider."""

from typing import Any

import pytest

from pi_fallback.testing import ErrorEvent, Ok, Status, Step
from tests.spec.wired import ANTHROPIC, COMPLETIONS, GOOGLE, NAMES, RESPONSES, TWO_KEYS, wired

pytestmark = pytest.mark.anyio
each_dialect = pytest.mark.parametrize("dialect", NAMES)

PRIMARY, BACKUP = TWO_KEYS.values()


def said(status: int, message: str, /, **facts: Any) -> Status:
    return Status(status, body={"error": {"message": message, **facts}})


NO_CREDIT = "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade."
NO_QUOTA = "You exceeded your current quota, please check your plan and billing details."
BAD_KEY = {
    "code": 400,
    "status": "INVALID_ARGUMENT",
    "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}],
}

# What the providers send where 401, 402 and 429 would say it plainly.
DISGUISED: dict[str, tuple[str, Step, str]] = {
    "no credit as a bad request": (ANTHROPIC, said(400, NO_CREDIT, type="invalid_request_error"), "quota_exhausted"),
    "a spent plan as a rate limit": (
        COMPLETIONS,
        said(429, NO_QUOTA, type="insufficient_quota", code="insufficient_quota"),
        "quota_exhausted",
    ),
    "a spent plan as a rate limit, in Responses": (
        RESPONSES,
        said(429, NO_QUOTA, type="insufficient_quota", code="insufficient_quota"),
        "quota_exhausted",
    ),
    "a bad key as a bad request": (
        GOOGLE,
        said(400, "API key not valid.", **BAD_KEY),
        "auth",
    ),
    "payment required": (COMPLETIONS, said(402, "This request requires more credits.", code=402), "quota_exhausted"),
    "payment required, of nobody": (GOOGLE, Status(402), "quota_exhausted"),
    "an error object in place of a stream": (
        COMPLETIONS,
        said(200, NO_QUOTA, code="insufficient_quota"),
        "quota_exhausted",
    ),
    "an error object in the stream": (
        COMPLETIONS,
        ErrorEvent(after=0, error={"message": "Insufficient credits", "code": 402}),
        "quota_exhausted",
    ),
    "an error object in the middle of an answer": (
        COMPLETIONS,
        ErrorEvent(after=2, error={"message": NO_QUOTA, "code": "insufficient_quota"}),
        "quota_exhausted",
    ),
}


@pytest.mark.parametrize(("dialect", "step", "kind"), DISGUISED.values(), ids=DISGUISED)
async def test_rf2_a_disguised_error_of_an_account_leads_to_the_next_account(
    dialect: str, step: Step, kind: str
) -> None:
    async with wired({"A": [step, Ok("by another account")], "B": Ok("elsewhere")}, dialect, keys=TWO_KEYS) as it:
        heard = await it.hear()
        assert (heard.text, [failure.kind for failure in heard.failures]) == ("by another account", [kind])
        assert [request.key for request in it.server.requests] == [PRIMARY, BACKUP]


FULL = [Status(529), said(503, "The model is currently overloaded."), said(429, "No capacity available for model A")]


@each_dialect
async def test_rf3_want_of_capacity_skips_the_other_accounts_and_a_spent_quota_tries_them(dialect: str) -> None:
    for full in FULL:
        async with wired({"A": full, "B": Ok("elsewhere")}, dialect, keys=TWO_KEYS) as it:
            heard = await it.hear()
            assert (heard.text, it.asked, heard.failures[0].kind) == ("elsewhere", "AB", "capacity")
    async with wired({"A": said(402, "no"), "B": Ok("elsewhere")}, dialect, keys=TWO_KEYS) as it:
        assert ((await it.hear()).text, it.asked) == ("elsewhere", "AAB")
        assert [request.key for request in it.server.requests][:2] == [PRIMARY, BACKUP]
