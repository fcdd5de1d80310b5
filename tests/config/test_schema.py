"""Each field of a file changes a decision, and stands in the documentation."""

from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from pi_fallback.config.schema import (
    MONTH_S,
    ApiKeyEntry,
    CompactionConfig,
    CompactionPolicy,
    CostConfig,
    FallbackConfig,
    LimitsConfig,
    ModelConfig,
    ModelOverride,
    OAuthConfig,
    OAuthEntry,
    ProgressSettings,
    ProviderConfig,
    RetryConfig,
    RetryPolicy,
    Settings,
    endpoint,
)
from pi_fallback_hookspecs import Limits

DOCS = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()
MODELS: tuple[type[BaseModel], ...] = (
    Settings,
    RetryConfig,
    CompactionConfig,
    FallbackConfig,
    ProviderConfig,
    ModelConfig,
    ModelOverride,
    LimitsConfig,
    CostConfig,
    OAuthConfig,
    ApiKeyEntry,
    OAuthEntry,
)
FIELDS = sorted({info.alias or name for model in MODELS for name, info in model.model_fields.items()})


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_has_a_paragraph(field: str) -> None:
    assert f"**`{field}`**" in DOCS


def test_the_defaults_of_the_file_are_those_of_the_program() -> None:
    settings = Settings.model_validate({})
    assert settings.retry.policy() == RetryPolicy()
    assert settings.compaction.policy() == CompactionPolicy()
    assert settings.fallback.progress() == ProgressSettings()
    assert settings.quiet_limit_s is None


def test_milliseconds_become_seconds_once() -> None:
    retry = {"enabled": False, "maxRetries": 5, "baseDelayMs": 1500, "maxAgentDelayMs": 250}
    settings = Settings.model_validate({"retry": retry, "httpIdleTimeoutMs": 90_000})
    assert settings.retry.policy() == RetryPolicy(enabled=False, max_retries=5, base_delay_s=1.5, max_delay_s=0.25)
    assert settings.quiet_limit_s == 90.0
    assert Settings.model_validate({"httpIdleTimeoutMs": 0}).quiet_limit_s == 0.0


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("enabled", False, CompactionPolicy(enabled=False)),
        ("reserveTokens", 0, CompactionPolicy(reserve_tokens=0)),
        ("keepRecentTokens", 9, CompactionPolicy(keep_recent_tokens=9)),
    ],
)
def test_each_setting_of_compaction_arrives(field: str, value: object, expected: CompactionPolicy) -> None:
    assert CompactionConfig.model_validate({field: value}).policy() == expected


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("enabled", False, ProgressSettings(enabled=False)),
        ("quietSeconds", 3, ProgressSettings(quiet_s=3.0)),
        ("lastWorkingTtlSeconds", 3, ProgressSettings(last_working_ttl_s=3.0)),
        ("failedCooldownSeconds", 0.5, ProgressSettings(failed_cooldown_s=0.5)),
        ("prompt", "go on", ProgressSettings(prompt="go on")),
        ("actWhenSettled", True, ProgressSettings(act_when_settled=True)),
        ("waitForRecovery", True, ProgressSettings(wait_for_recovery=True)),
    ],
)
def test_each_setting_of_progress_detection_arrives(field: str, value: object, expected: ProgressSettings) -> None:
    assert FallbackConfig.model_validate({field: value}).progress() == expected


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("connectSeconds", Limits(connect_s=1.0)),
        ("headSeconds", Limits(head_s=1.0)),
        ("firstContentSeconds", Limits(first_content_s=1.0)),
        ("quietSeconds", Limits(quiet_s=1.0)),
        ("totalSeconds", Limits(total_s=1.0)),
    ],
)
def test_each_limit_goes_over_the_one_before(field: str, expected: Limits) -> None:
    assert LimitsConfig.model_validate({field: 1}).over(Limits()) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://api.acme.example/v1/", "https://api.acme.example/v1"),
        ("http://localhost:11434/v1", "http://localhost:11434/v1"),
        ("http://127.0.0.53:1", "http://127.0.0.53:1"),
        ("http://[::1]:1/v1", "http://[::1]:1/v1"),
    ],
)
def test_an_endpoint_is_https_or_this_machine(url: str, expected: str) -> None:
    assert endpoint(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "acme.example/v1",
        "ftp://acme.example:21",
        "file:///etc/passwd",
        "http://acme.example",
        "http://169.254.169.254/latest",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "https://user:pass@acme.example",
        "https://acme.example/v1?key=k",
        "https://acme.example:port",
        "https://[::1",
        "https://",
    ],
)
def test_anything_else_is_no_endpoint(url: str) -> None:
    with pytest.raises(ValueError, match=r"^must "):
        endpoint(url)


@pytest.mark.parametrize(
    "content",
    [
        {"retry": {"maxRetries": True}},
        {"fallback": {"quietSeconds": float("inf")}},
        {"httpIdleTimeoutMs": 1.5},
        {"httpIdleTimeoutMs": MONTH_S * 1000 + 1},
        {"retry": {"baseDelayMs": 10**30}},
        {"retry": {"maxAgentDelayMs": 10**30}},
        {"fallback": {"quietSeconds": 3e11}},
        {"fallback": {"lastWorkingTtlSeconds": 1e308}},
        {"fallback": {"failedCooldownSeconds": MONTH_S + 1}},
        {"enabledModels": [""]},
    ],
)
def test_nothing_is_bent_into_shape(content: object) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(content)


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"Content-Length": "1"}, "must not hold Content-Length"),
        ({"host": "evil.example"}, "must not hold host"),
        ({"Transfer-Encoding": "chunked"}, "must not hold Transfer-Encoding"),
        ({"x y": "1"}, "must hold header names only"),
        ({"": "1"}, "must hold header names only"),
        ({"x-a": "1\nx-b: 2"}, "must not hold line breaks"),
    ],
)
def test_headers_that_would_frame_or_split_a_message_are_refused(headers: dict[str, str], message: str) -> None:
    for model in (ProviderConfig, ModelOverride):
        with pytest.raises(ValidationError, match=message):
            model.model_validate({"headers": headers})


@pytest.mark.parametrize("cost", [{"input": -1}, {"output": "1"}, {"input": float("nan")}])
def test_a_price_is_a_number_of_dollars(cost: object) -> None:
    with pytest.raises(ValidationError):
        CostConfig.model_validate(cost)
