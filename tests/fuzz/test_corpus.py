"""The corpus, replayed, and a short walk of the fuzzer's own changes from it."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.corpus import CORPUS, inputs
from tests.fuzz.laws import LAWS
from tests.fuzz.mutating import mutated

SEEDS = [(law, name, data) for law in LAWS for name, data in inputs(law)]


@pytest.mark.parametrize(
    ("law", "data"), [(law, data) for law, _, data in SEEDS], ids=[f"{a}-{b}" for a, b, _ in SEEDS]
)
def test_each_input_of_the_corpus_keeps_its_law(law: str, data: bytes) -> None:
    LAWS[law](data)


def test_each_law_has_inputs_and_no_input_lacks_a_law() -> None:
    assert {path.name for path in CORPUS.iterdir() if path.is_dir()} == set(LAWS)
    assert {law for law, _, _ in SEEDS} == set(LAWS)


@given(st.sampled_from(SEEDS), st.lists(st.integers(0, 1 << 32), min_size=1, max_size=4))
@settings(max_examples=400)
def test_changed_inputs_keep_the_law(seed: tuple[str, str, bytes], changes: list[int]) -> None:
    law, _, data = seed
    for change in changes:
        data = mutated(data, change, bytes.upper)
    LAWS[law](data)


def test_the_corpus_is_small_enough_to_read() -> None:
    assert all(path.stat().st_size < 20_000 for path in Path(CORPUS).rglob("*") if path.is_file())
