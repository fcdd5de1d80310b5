"""What is said of files that are wrong, as far as spec ids promise: RK7. It says where, and never what stands there."""

import json
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random

import pytest

from pi_fallback import models_cache
from pi_fallback.config import files, store
from pi_fallback.config.trust import Trust
from pi_fallback.credentials.auth_json import AuthJson
from pi_fallback.errors import ConfigError
from pi_fallback_hookspecs import Json
from tests.spec.file_writer import wall

CANARY = "sk-canary-5d41402abc4b2a76"
NUMBER = 730_519_284_650_173  # a secret may be one, too

# Every field that a secret may be put into by mistake, with a value that is right there.
WHOLE: Mapping[str, Json] = {
    "auth.json": {
        "acme": {"type": "api_key", "key": "k", "env": {"NAME": "v"}},
        "other": {"type": "oauth", "access": "a", "refresh": "r", "expires": 1},
    },
    "ha.json": {
        "groups": {"g": {"name": "g", "entries": [{"id": "a/A", "cooldownMs": 1}]}},
        "defaultGroup": "g",
        "defaultCooldownMs": 1,
        "errorHandling": {
            "capacityErrorAction": "stop",
            "quotaErrorAction": "stop",
            "networkErrorAction": "stop",
            "authErrorAction": "stop",
            "contextErrorAction": "stop",
            "retryTimeoutMs": 1,
            "networkRetryDelayMs": 1,
            "maxRetriesPerTurn": 1,
        },
        "credentials": {
            "acme": {
                "primary": {"type": "oauth", "access": "a", "refresh": "r", "expires": 1},
                "backup-1": {"type": "api_key", "key": "k"},
            }
        },
        "returnToPreferred": True,
        "whenExhausted": "stop",
        "maxWaitMs": 1,
    },
    "models.json": {
        "providers": {
            "acme": {
                "baseUrl": "https://acme.example/v1",
                "api": "openai-completions",
                "apiKey": "k",
                "headers": {"x-title": "t"},
                "compat": {"supportsStore": True},
                "models": [
                    {
                        "id": "big",
                        "name": "Big",
                        "input": ["text"],
                        "contextWindow": 1,
                        "maxTokens": 1,
                        "cost": {"input": 1, "output": 1, "cacheRead": 1, "cacheWrite": 1},
                        "headers": {"x-title": "t"},
                    }
                ],
                "modelOverrides": {"big": {"name": "Big", "contextWindow": 1}},
            }
        }
    },
    "settings.json": {
        "defaultProvider": "a",
        "defaultModel": "A",
        "enabledModels": ["a/A"],
        "defaultThinkingLevel": "low",
        "retry": {"enabled": True, "maxRetries": 1, "baseDelayMs": 1},
        "fallback": {"quietSeconds": 1, "pool": True},
    },
}
WRONG: Mapping[str, Json] = {
    "a text": CANARY,
    "a number": NUMBER,
    "a list": [CANARY, [NUMBER]],
    "an object": {"value": CANARY, "more": {"value": NUMBER}},
    "a URL with a secret": f"http://user:{CANARY}@acme.example/?key={CANARY}",
    "a text with a line break": f"{CANARY}\n{CANARY}",
}
BROKEN = {
    "no comma": f'{{"a": {{"key": "{CANARY}"}}\n "b": "{CANARY}"}}',
    "no end": f'{{"a": {{"key": "{CANARY}',
    "a bare word": f'{{"a": {CANARY}}}',
    "text after the end": f"{{}}\n{CANARY}",
    "a number of its own": f'{{"a": {"9" * 5_000}, "b": "{CANARY}"}}',
    "an escape": f'{{"a": "\\q{CANARY}"}}',
    "a control character": f'{{"a": "\x01{CANARY}"}}',
    "too deep": f'{{"a": {"[" * 100_000}"{CANARY}"',
    "not UTF-8": f'{{"a": "{CANARY}'.encode() + b'\xff"}',
    "a list": json.dumps([CANARY]),
    "a text": json.dumps(CANARY),
}


Place = tuple[str | int, ...]


def places(value: Json, here: Place = ()) -> Iterator[Place]:
    """Every place in `value` that can be filled with something else."""
    if here:
        yield here
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from places(part, (*here, name))
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from places(part, (*here, number))


def with_part(value: Json, place: Place, wrong: Json, here: Place = ()) -> Json:
    """`value` with `wrong` at `place`."""
    if here == place:
        return wrong
    if isinstance(value, Mapping):
        return {name: with_part(part, place, wrong, (*here, name)) for name, part in value.items()}
    if isinstance(value, list):
        return [with_part(part, place, wrong, (*here, number)) for number, part in enumerate(value)]
    return value


def told(agent_dir: Path) -> str:
    """All that may be shown of the files in `agent_dir`, in every form."""
    found = store.load(agent_dir, agent_dir / "project", trusted=True)
    return "\n".join([*map(str, found.problems), *map(repr, found.problems), *found.notices])


def uttered(error: BaseException) -> str:
    """All that a crash report could show of `error`: its words, its attributes, its causes, and the frames' locals."""
    lines = list(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    seen: BaseException | None = error
    while seen is not None:
        lines += [repr(seen), repr(seen.args), repr(vars(seen))]
        assert not hasattr(seen, "doc")
        assert not hasattr(seen, "object")
        seen = seen.__cause__ or seen.__context__
    return "".join(lines)


def holds_none(text: str) -> bool:
    return CANARY not in text and str(NUMBER) not in text


@pytest.mark.parametrize("name", WHOLE)
def test_rk7_no_wrong_value_of_any_field_is_repeated(tmp_path: Path, name: str) -> None:
    said = 0
    for place in places(WHOLE[name]):
        for wrong in WRONG.values():
            (tmp_path / name).write_text(json.dumps(with_part(WHOLE[name], place, wrong), indent=2))
            (tmp_path / name).chmod(0o600)
            text = told(tmp_path)
            said += bool(text)
            assert holds_none(text), (place, text)
    assert said > len(list(places(WHOLE[name])))  # most of them are wrong there


def by_hand(agent_dir: Path, name: str) -> None:
    files.update(agent_dir / name, lambda now: {**now, "new": 1})


def by_login(agent_dir: Path, name: str) -> None:
    AuthJson(agent_dir / name, wall, Random()).update_sync(lambda now: {**now, "new": 1})


def by_trust(agent_dir: Path, _name: str) -> None:
    Trust(agent_dir).trust(agent_dir)


WRITES: Mapping[str, tuple[str, Callable[[Path, str], None]]] = {
    "ha.json": ("ha.json", by_hand),
    "auth.json": ("auth.json", by_login),
    "trust.json": ("pi-fallback/trust.json", by_trust),
}


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("name", [*WHOLE, "pi-fallback/models-cache.json"])
def test_rk7_nothing_of_a_file_that_is_no_json_is_repeated(tmp_path: Path, name: str, kind: str) -> None:
    path = put(tmp_path / name, BROKEN[kind])
    text = told(tmp_path) + models_cache.load(path).notice
    assert text
    assert holds_none(text)


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("name", WRITES)
def test_rk7_an_error_of_writing_over_it_bears_nothing_of_it_in_any_frame_or_cause(
    tmp_path: Path, name: str, kind: str
) -> None:
    where, write = WRITES[name]
    put(tmp_path / where, BROKEN[kind])
    with pytest.raises(ConfigError) as refused:
        write(tmp_path, where)
    assert holds_none(uttered(without_this_test(refused.value)))


@pytest.mark.parametrize("name", ["ha.json", "auth.json"])
def test_rk7_an_error_of_the_disk_bears_nothing_of_what_was_to_be_written(tmp_path: Path, name: str) -> None:
    path = put(tmp_path / name, json.dumps({"acme": {"type": "api_key", "key": CANARY}}))
    (tmp_path / "other").hardlink_to(path)  # so that it is not written, when all has been made ready
    with pytest.raises(ConfigError, match="hard links") as refused:
        WRITES[name][1](tmp_path, name)
    assert holds_none(uttered(without_this_test(refused.value)))
    assert (refused.value.__cause__, refused.value.__context__) == (None, None)


def put(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(0o600)
    return path


def without_this_test(error: BaseException) -> BaseException:
    """`error` without the frame of the test, which knows the canary."""
    frames = error.__traceback__
    return error.with_traceback(frames.tb_next if frames else None)
