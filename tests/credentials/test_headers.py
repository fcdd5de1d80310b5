"""Headers of models.json: their values are found, or told, but never sent as they are written."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from pi_fallback.config.schema import ModelsFile
from pi_fallback.credentials.headers import Resolved, resolved
from pi_fallback.credentials.sources import Command, Literal

ENVIRON = {"SET": "value", "EMPTY": " "}


def found(headers: Mapping[str, str], **rest: object) -> Resolved:
    return resolved(ModelsFile.model_validate({"providers": {"acme": {"headers": headers, **rest}}}), ENVIRON)


def test_variables_are_filled_in_at_once() -> None:
    result = found({"x-a": "$SET", "x-b": "Bearer ${SET}", "x-c": "plain", "x-d": "$$5", "x-e": "SET"})
    headers = {"x-a": "value", "x-b": "Bearer value", "x-c": "plain", "x-d": "$5", "x-e": "SET"}
    assert result.file.providers["acme"].headers == headers
    assert (result.sources, result.closed, result.problems) == ({}, {}, ())


def test_a_command_leaves_the_file_and_waits_for_its_use() -> None:
    model = {"id": "m", "headers": {"x-b": "!printf b"}}
    override = {"headers": {"x-a": "plain"}}
    result = found({"x-a": "!printf a", "x-c": "c"}, models=[model], modelOverrides={"n": override})
    acme = result.file.providers["acme"]
    assert (acme.headers, acme.models[0].headers) == ({"x-c": "c"}, {})
    assert result.sources == {
        ("acme", ""): {"x-a": Command("printf a")},
        ("acme", "m"): {"x-b": Command("printf b")},
        ("acme", "n"): {"x-a": Literal("plain")},
    }


def test_a_variable_that_is_not_set_closes_its_provider_and_is_told_with_its_place() -> None:
    result = found({}, models=[{"id": "m", "headers": {"x-a": "Bearer $NOT_SET"}}])
    assert list(result.closed) == ["acme"]
    (problem,) = map(str, result.problems)
    assert problem == (
        "models.json, providers.acme.models[0].headers.x-a: the environment variable NOT_SET is not set. "
        "Set NOT_SET, or take the header out."
    )


@given(st.text(alphabet="a$!{}SETEMPTY ", max_size=20))
def test_what_stays_in_the_file_means_itself(value: str) -> None:
    result = found({"x-a": value})
    kept = result.file.providers["acme"].headers
    if "$" not in value and not value.startswith("!"):
        assert kept == {"x-a": value.strip()}
    else:
        assert len(kept) + len(result.sources) + len(result.problems) == 1
