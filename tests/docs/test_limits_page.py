"""The page about limits: each is there, with its value, and each has a test that it holds."""

import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from pi_fallback.http import limits
from pi_fallback.providers import listing
from pi_fallback_hookspecs import Limits

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "limits.md").read_text(encoding="utf-8")
FIXED: Mapping[str, float] = {
    name: value for name, value in vars(limits).items() if name.isupper() and name not in ("KIB", "MIB")
}
LISTS: Mapping[str, float] = {name: value for name, value in vars(listing).items() if name.startswith("MAX_")}
UNITS = {"": 1, "s": 1, "d": 86_400, "KiB": limits.KIB, "MiB": limits.MIB, "Mi": limits.MIB}


def test_each_limit_is_on_the_page_with_its_value() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([\d.,]+) ?(\w*) \|", PAGE, re.MULTILINE)
    told = {name: float(number.replace(",", "")) * UNITS[unit] for name, number, unit in rows}
    assert told == {**asdict(Limits()), **FIXED, **LISTS}


def test_each_limit_has_a_test() -> None:
    tests = "".join(path.read_text(encoding="utf-8") for path in (TESTS / "spec").glob("test_reliability_streams_*.py"))
    assert [name for name in (*asdict(Limits()), *FIXED) if name not in tests] == []
