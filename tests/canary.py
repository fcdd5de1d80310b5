"""Canaries: keys of tests, of a shape that nothing else has, so that one that gets out can be found anywhere."""

import base64
import re
from collections.abc import Iterator
from hashlib import sha256

PATTERN = re.compile(r"sk-canary-[0-9a-f]{24}")
_BYTES = re.compile(rb"sk-canary-[0-9a-f]{24}")


def canary(name: str) -> str:
    """The key of that name: the same in each process of a run."""
    return f"sk-canary-{sha256(name.encode()).hexdigest()[:24]}"


def canaries_in(data: bytes) -> Iterator[str]:
    """The canaries that stand in `data`, as they are or in base64."""
    yield from (found.decode() for found in _BYTES.findall(data))
    for prefix in _IN_BASE64:
        yield from ("in base64" for _ in range(data.count(prefix)))


_IN_BASE64 = [base64.b64encode(bytes(before) + b"sk-canary-")[cut:-4] for before, cut in ((0, 0), (1, 2), (2, 3))]
