"""Canaries: keys of tests, of a shape that nothing else has, so that one that gets out can be found anywhere."""

import base64
import re
from collections.abc import Iterator
from hashlib import sha256
from mmap import mmap


def canary(name: str) -> str:
    """The key of that name: the same in each process of a run."""
    return f"sk-canary-{sha256(name.encode()).hexdigest()[:24]}"


def canaries_in(data: "bytes | mmap") -> Iterator[str]:
    """The canaries that stand in `data`, as they are or in base64."""
    for found in _ANY.finditer(data):
        text = found[0].decode()
        yield text if text.startswith("sk-") else f"{text}… (base64)"


_IN_BASE64 = [base64.b64encode(bytes(before) + b"sk-canary-")[cut:-4] for before, cut in ((0, 0), (1, 2), (2, 3))]
_ANY = re.compile(b"|".join([rb"sk-canary-[0-9a-f]{24}", *map(re.escape, _IN_BASE64)]))
