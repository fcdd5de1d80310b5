"""The fuzzer for one law: `python -m tests.fuzz.fuzzer law [libFuzzer options and folders]`."""

import sys

import atheris

with atheris.instrument_imports(include=["pi_fallback.providers"]):
    from tests.fuzz.laws import LAWS
    from tests.fuzz.mutating import mutated


def _mutated(data: bytes, max_size: int, seed: int) -> bytes:
    changed = mutated(data, seed, lambda words: atheris.Mutate(words, max(max_size - 4, 1)))
    return changed[:max_size]


if __name__ == "__main__":
    name, *options = sys.argv[1:]
    atheris.Setup([sys.argv[0], *options], LAWS[name], custom_mutator=_mutated)
    atheris.Fuzz()
