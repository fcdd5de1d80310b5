"""Bad input: exit code 2, one sentence that says where and what to do, no traceback, and every file as it was."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.e2e.user import User, written

GOOD = {"providers": {"p": {"baseUrl": "http://127.0.0.1:9/v1", "apiKey": "sk-0123456789", "models": [{"id": "m"}]}}}
EXPIRED = {"groq": {"type": "oauth", "access": "at-0123456789", "refresh": "rt-0123456789", "expires": 1000}}
WRONG_TYPES = {
    "models.json": ('{\n"providers": {\n"p": {\n"baseUrl": 7}}}', "line 4, providers.p.baseUrl: must be a URL"),
    "auth.json": ('{\n"p": {\n"type": "api_key", "key": 3}}', "line 3, p.key: must be a key (got a number)"),
    "settings.json": ('{\n"fallback": {"quietSeconds": "x"}}', "line 2, fallback.quietSeconds: must be a number"),
}
NAMES = ("settings.json", "models.json", "auth.json")
BROKEN: Sequence[tuple[object, str]] = (
    ('{\n"a": 1 "b"}', "line 2: is not valid JSON"),
    ("[1]", "line 1: must be an object (got a list)"),
    (b'{"a":\n"\xff\xfe"}', "line 2: is not UTF-8 text"),
    ("", "is empty. Write {} into it or delete it."),
)


def refused(user: User, *arguments: str, stdin: str = "") -> str:
    """Run the program, which must not start, and return what it says."""
    before = contents(user.room)
    done = user.run(*arguments, stdin=stdin)
    assert (done.code, done.out) == (2, "")
    assert before.items() <= contents(user.room).items()
    assert "Traceback" not in done.err
    assert "0123456789" not in done.err
    return done.err.removeprefix("pi-fallback: ").removesuffix("\n")


def contents(room: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in room.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("value", "expected"), BROKEN, ids=["syntax", "top level", "encoding", "empty"])
def test_broken_files_stop_a_start_without_a_screen(user: User, value: object, expected: str) -> None:
    for name in NAMES:
        user.write(name, value)
    for name, sentence in zip(NAMES, refused(user, "-p", "hello").splitlines(), strict=True):
        assert sentence.startswith(f"~/.pi/agent/{name}")
        assert expected in sentence


def test_fields_of_the_wrong_type_are_named_with_their_lines(user: User) -> None:
    for name, (value, _) in WRONG_TYPES.items():
        user.write(name, value)
    for name, sentence in zip(NAMES, refused(user, "-p", "hello").splitlines(), strict=True):
        assert sentence.startswith(f"~/.pi/agent/{name}, {WRONG_TYPES[name][1]}")


def test_folders_in_the_place_of_files_are_named(user: User) -> None:
    for name in NAMES:
        (user.agent_dir / name).mkdir()
    assert refused(user, "-p", "hello").splitlines() == [
        f"~/.pi/agent/{name}: cannot be read: is a directory. Correct that or move it away." for name in NAMES
    ]


def test_a_named_pipe_in_the_place_of_a_file_is_not_waited_for(user: User) -> None:
    os.mkfifo(user.agent_dir / "models.json")
    assert "models.json: cannot be read: it is not a file." in refused(user, "-p", "hello")


@pytest.mark.parametrize("mode", ["json", "rpc"])
def test_every_mode_without_a_screen_is_strict(user: User, mode: str) -> None:
    user.write("models.json", GOOD)
    user.write("settings.json", "{")
    assert "settings.json, line 1: is not valid JSON" in refused(user, "--mode", mode, "hello")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--model", "p/n"), "There is no model 'p/n'. Did you mean p/m?"),
        (("--model", "zzqq"), "There is no model 'zzqq'. `pi-fallback models` lists those that are usable."),
        (("--model", "groq/openai/gpt-oss-120b"), "Set GROQ_API_KEY, or add groq to auth.json."),
        (("--continue",), "There is no session in {folder} to continue. Start one without --continue."),
        (("--resume", "abc"), "No session in this folder has an id that begins with 'abc'."),
        (("--continue", "--resume", "abc"), "Say either --continue or --resume, not both."),
        (("--resume", "gone.jsonl"), "gone.jsonl cannot be opened: No such file or directory."),
        (("--resume", "bad.jsonl"), "bad.jsonl, line 1: this is not a session of pi-fallback: the line is not JSON."),
        (("--plugin", "bad.py"), "Plugin bad (bad.py) cannot be loaded: ModuleNotFoundError:"),
        (("--plugin", "gone.py"), "Plugin gone (gone.py) cannot be loaded: there is no such file."),
        (("--plugin", "gone"), "Plugin gone (module gone) cannot be loaded: ModuleNotFoundError:"),
        (("--no-plugin", "progres"), "There is no plugin 'progres'. The plugins are: ha, pool, progress."),
        (("--tools", "read,wirte"), "There is no tool 'wirte'. The tools are: bash, edit, find, grep, ls, read,"),
        (("--cwd", "/gone"), "Invalid value for '--cwd': Directory '/gone' does not exist."),
        (("--mode", "loud"), "'loud' is not one of 'interactive', 'print', 'json', 'rpc'."),
        (("--loud",), "No such option '--loud'."),
    ],
)
def test_what_cannot_be_done_is_said_with_what_can(user: User, arguments: Sequence[str], expected: str) -> None:
    user.write("models.json", GOOD)
    written(user.folder / "bad.py", "import nothing_of_that_name\n")
    written(user.folder / "bad.jsonl", "not a session\n")
    said = refused(user, "-p", "hello", *arguments)
    assert expected.format(folder=user.folder) in said
    assert "\n" not in said


@pytest.mark.parametrize(("arguments", "stdin"), [(("-p", ""), ""), (("-p", "-"), " \n"), (("-p",), "")])
def test_an_empty_prompt_is_refused(user: User, arguments: Sequence[str], stdin: str) -> None:
    user.write("models.json", GOOD)
    assert "The prompt is empty. Say what to do" in refused(user, *arguments, stdin=stdin)


def test_the_terminal_app_is_refused_without_a_terminal(user: User) -> None:
    user.write("models.json", GOOD)
    assert refused(user) == 'The terminal app needs a terminal. For scripts: pi-fallback -p "…".'


def test_without_any_account_the_command_and_the_variables_that_give_one_are_named(user: User) -> None:
    sentence = refused(user, "-p", "hello")
    assert "Store a key: pi-fallback auth add PROVIDER." in sentence
    assert "Or set a variable such as OPENAI_API_KEY" in sentence


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("auth.json", {"groq": {"type": "api_key", "key": "$NOT_SET"}}, "groq.key: the environment variable NOT_SET"),
        ("auth.json", {"groq": {"type": "api_key"}}, 'groq: has no key. Write "key" into it, or take it out.'),
        ("auth.json", EXPIRED, "groq.access: login needed: the access has expired. Log in again"),
        (
            "models.json",
            {"providers": {"p": {"baseUrl": "http://127.0.0.1:9/v1", "apiKey": "$NOT_SET", "models": [{"id": "m"}]}}},
            "providers.p.apiKey: the environment variable NOT_SET is not set. Set NOT_SET, or write the key itself.",
        ),
    ],
)
def test_an_only_account_that_cannot_be_used_says_why(user: User, name: str, value: object, expected: str) -> None:
    user.write(name, value)
    assert f"{name}, {expected}" in refused(user, "-p", "hello")
