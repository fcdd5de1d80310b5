"""How people name models."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_fallback.core.patterns import Choice, find, named, narrowed, near, resolve, why_unknown
from pi_fallback.errors import UnknownModel
from pi_fallback_hookspecs import ModelRef


def ref(text: str) -> ModelRef:
    return ModelRef.parse(text)


MODELS = tuple(
    map(
        ref,
        [
            "p1/a",
            "p1/b",
            "p2/x",
            "p2/x:high",
            "p3/a",
            "p3/Deep-Coder",
            "router/p2/x",
            "local/gpt-oss:20b",
            "p3/deep-mini",
        ],
    )
)


def names(patterns: list[str]) -> list[str]:
    return [
        f"{choice.ref}@{choice.level}" if choice.level else str(choice.ref) for choice in resolve(patterns, MODELS)[0]
    ]


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (["p1/b", "p1/a"], ["p1/b", "p1/a"]),
        (["b"], ["p1/b"]),
        (["a"], ["p1/a", "p3/a"]),  # a bare id: every provider that has it
        (["p1/*"], ["p1/a", "p1/b"]),
        (["P1/A"], ["p1/a"]),
        (["*coder*"], ["p3/Deep-Coder"]),
        (["p?/a"], ["p1/a", "p3/a"]),
        (["p[13]/a"], ["p1/a", "p3/a"]),
        (["router/*"], ["router/p2/x"]),  # a star spans slashes
        (["p2/x"], ["p2/x"]),  # the exact name, before the bare id of a router's model
        (["p1/a:low"], ["p1/a@low"]),
        (["p1/*:xhigh"], ["p1/a@xhigh", "p1/b@xhigh"]),
        (["p2/x:high"], ["p2/x:high"]),  # an id that really ends so
        (["p2/x:high:low"], ["p2/x:high@low"]),
        (["local/gpt-oss:20b"], ["local/gpt-oss:20b"]),
        (["local/gpt-oss:20b:minimal"], ["local/gpt-oss:20b@minimal"]),
        (["p1/b", "p1/*", "b"], ["p1/b", "p1/a"]),  # each once, where it first stood
        (["p1/b:low", "p1/b:high"], ["p1/b@low"]),
        ([], []),
    ],
)
def test_a_pattern_names_models(patterns: list[str], expected: list[str]) -> None:
    assert names(patterns) == expected


@pytest.mark.parametrize("pattern", ["nope", "p1/nope", "p1/a:hihg", "nope:high", "", ":high", "zz*", "[", "p1/"])
def test_a_pattern_that_names_nothing_is_told_and_the_rest_works(pattern: str) -> None:
    resolution = resolve([pattern, "p1/a"], MODELS)
    assert resolution.unknown == (pattern,)
    assert [choice.ref for choice in resolution.choices] == [ref("p1/a")]


@given(st.lists(st.text(max_size=12)))
def test_resolving_never_fails_and_never_repeats_a_model(patterns: list[str]) -> None:
    resolution = resolve(patterns, MODELS)
    refs = [choice.ref for choice in resolution.choices]
    assert len(refs) == len(set(refs))
    assert set(refs) <= set(MODELS)


def test_narrowing_reorders_and_leaves_out_but_adds_nothing_and_keeps_levels() -> None:
    chosen = resolve(["p1/a:low", "p1/b", "p2/x"], MODELS).choices
    result = narrowed(chosen, ["p2/*", "p3/a", "p1/a:xhigh", "p9/*"])
    assert result.choices == (Choice(ref("p2/x")), Choice(ref("p1/a"), "low"))
    assert result.unknown == ("p3/a", "p9/*")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("p1/a", Choice(ref("p1/a"))),
        ("P1/A", Choice(ref("p1/a"))),
        ("a", Choice(ref("p1/a"))),  # the first provider that has it
        ("p2/x:high", Choice(ref("p2/x:high"))),
        ("p1/a:high", Choice(ref("p1/a"), "high")),
        ("coder", Choice(ref("p3/Deep-Coder"))),
        ("coder:low", Choice(ref("p3/Deep-Coder"), "low")),
        ("gpt-oss", Choice(ref("local/gpt-oss:20b"))),
    ],
)
def test_a_name_finds_one_model(name: str, expected: Choice) -> None:
    assert find(name, MODELS) == expected


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("deep", ("p3/Deep-Coder", "p3/deep-mini")),  # fits two
        ("deep-codr", ("p3/Deep-Coder",)),
        ("p3/dep-mini", ("p3/deep-mini",)),
        ("something else", ()),
    ],
)
def test_a_name_that_does_not_fit_one_model_is_answered_with_near_names(name: str, near: tuple[str, ...]) -> None:
    with pytest.raises(UnknownModel) as caught:
        find(name, MODELS)
    assert caught.value.near[: len(near)] == near
    assert bool(near) == ("Did you mean" in str(caught.value))


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        (
            "p1/a:hihg",
            "'hihg' in 'p1/a:hihg' of X is no thinking level; these are: off, minimal, low, medium, high, xhigh.",
        ),
        ("p1/*:ultra", "'ultra' in 'p1/*:ultra' of X is no thinking level;"),
        ("p3/deep-codr", "No model fits 'p3/deep-codr' of X (did you mean p3/Deep-Coder?)."),
        ("p9/*", "No model fits 'p9/*' of X."),
        ("nothing-like-it:high", "No model fits 'nothing-like-it:high' of X."),
    ],
)
def test_a_pattern_that_names_nothing_is_explained(pattern: str, words: str) -> None:
    assert why_unknown(pattern, MODELS, "X").startswith(words)


def test_what_is_near_is_named_best_first_and_at_most_three() -> None:
    assert near("deep", MODELS) == ("p3/Deep-Coder", "p3/deep-mini")
    assert len(near("p", MODELS)) == 3
    assert near("zzqq", MODELS) == ()


def test_models_that_are_only_listed_are_named_but_not_found() -> None:
    with pytest.raises(UnknownModel, match=r"Did you mean p4/brand-new\?"):
        find("brand-nwe", MODELS, listed=[ref("p4/brand-new")])


def test_a_name_is_exact_with_or_without_its_level() -> None:
    assert named("p2/x:high", MODELS) == [ref("p2/x:high")]
    assert named("P1/A:low", MODELS) == [ref("p1/a")]
    assert named("p1", MODELS) == []
