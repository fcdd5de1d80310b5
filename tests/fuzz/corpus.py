"""The corpus: inputs from which the fuzzer starts, and those that once broke a law. Every test run replays it."""

from collections.abc import Iterator
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"


def folder(law: str) -> Path:
    return CORPUS / law


def inputs(law: str) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the bytes of each input of `law`."""
    for path in sorted(folder(law).iterdir()):
        yield path.name, path.read_bytes()
