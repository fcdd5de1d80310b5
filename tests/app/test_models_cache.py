"""The cache of models: what was told a day ago is asked anew, and a damaged file costs nothing but itself."""

import stat
from pathlib import Path

import pytest

from pi_fallback.config import files
from pi_fallback.errors import ConfigError
from pi_fallback.models_cache import FRESH_S, KEPT_S, CachedModel, Entry, key_of, load, models_of, path_in, save
from pi_fallback_hookspecs import Model, ModelRef, Provider

P = Provider("p", "https://p.example/v1")
ELSEWHERE = Provider("p", "https://other.example/v1")
TOLD = (
    CachedModel(id="m", name="M", context_window=7, max_tokens=3, images=True, tools=False, reasoning=True),
    CachedModel(id="n"),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return path_in(tmp_path)


def test_without_a_file_nothing_is_known(path: Path) -> None:
    assert (load(path).file.entries, load(path).notice) == ({}, "")


def test_what_was_told_comes_back_at_the_same_address_only(path: Path) -> None:
    save(path, {key_of(P): Entry(at=100.0, models=TOLD)}, wall=100.0)
    cache = load(path).file
    ref = ModelRef("p", "m")
    inputs = frozenset({"text", "image"})
    full = Model(ref, name="M", context_window=7, max_tokens=3, inputs=inputs, tools=False, reasoning=True)
    assert models_of(cache, P) == (full, Model(ModelRef("p", "n")))
    assert models_of(cache, ELSEWHERE) == ()


def test_a_list_is_fresh_for_a_day(path: Path) -> None:
    save(path, {key_of(P): Entry(at=100.0, models=TOLD)}, wall=100.0)
    cache = load(path).file
    assert cache.is_fresh(P, wall=100.0)
    assert cache.is_fresh(P, wall=99.0 + FRESH_S)
    assert not cache.is_fresh(P, wall=100.0 + FRESH_S)
    assert not cache.is_fresh(P, wall=99.0)  # a clock that went back
    assert not cache.is_fresh(ELSEWHERE, wall=100.0)


def test_others_keep_what_they_wrote_until_it_is_old(path: Path) -> None:
    save(path, {"other o": Entry(at=0.0, models=())}, wall=0.0)
    save(path, {key_of(P): Entry(at=1.0, models=())}, wall=1.0)
    assert sorted(load(path).file.entries) == ["other o", "p https://p.example/v1"]
    save(path, {key_of(P): Entry(at=KEPT_S, models=())}, wall=KEPT_S)
    assert list(load(path).file.entries) == ["p https://p.example/v1"]


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"entries": {"p u": {"at": "x", "models": []}}}', '{"entries": 3}']
)
def test_a_damaged_file_is_told_not_used_and_written_anew(path: Path, content: str) -> None:
    path.parent.mkdir()
    path.write_text(content)
    loaded = load(path)
    assert loaded.file.entries == {}
    assert loaded.notice.endswith("is damaged and not used. `pi-fallback models` writes it anew.")
    save(path, {key_of(P): Entry(at=1.0, models=TOLD)}, wall=1.0)
    assert load(path).notice == ""
    assert models_of(load(path).file, P)


def test_a_folder_in_its_place_is_told(path: Path) -> None:
    path.mkdir(parents=True)
    assert "models-cache.json is not used: " in load(path).notice
    with pytest.raises(ConfigError, match="could not be written"):
        save(path, {}, wall=0.0)


def test_the_file_is_private_and_leaves_nothing_beside_it(path: Path) -> None:
    path.parent.mkdir()
    leftover = path.with_name(f".{path.name}.0123456789abcdef.tmp")
    leftover.touch()
    save(path, {}, wall=0.0)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not leftover.exists()


def test_who_cannot_get_the_lock_says_so(path: Path) -> None:
    path.parent.mkdir()
    with files.locked(path), pytest.raises(ConfigError, match="is locked by another process"), files.locked(path, 0.01):
        pass
