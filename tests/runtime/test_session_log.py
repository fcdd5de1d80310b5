"""The session log: what is in the file, what comes back, and what happens to a file that is not well."""

import json
import os
import shutil
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_fallback.core.compacting import Compaction
from pi_fallback.errors import SessionError
from pi_fallback.runtime.session_files import MAX_BYTES, BadLine, LoadedSession, find, folder_of, latest, sessions
from pi_fallback.runtime.session_log import SessionLog
from pi_fallback.runtime.session_records import MAY_HAVE_RUN, NOT_RUN, RESULT_LOST, ToolStarted, history_of
from pi_fallback_hookspecs import (
    AssistantMessage,
    Failure,
    FailureKind,
    Message,
    Phase,
    Producer,
    Route,
    ScopeKind,
    StopReason,
    Text,
    ToolCall,
    ToolResultMessage,
    frozen_object,
    user_message,
)

NOON = 1_794_312_000.0
A, B = Route("acme", "big"), Route("other", "x/y", "backup-1")
C1, C2 = ToolCall("c1", "bash", frozen_object({"command": "make"})), ToolCall("c2", "read")


@dataclass
class Desk:
    """An agent folder and what was said to the user."""

    agent_dir: Path
    cwd: str = "/home/me/work"
    problems: list[str] = field(default_factory=list[str])

    def create(self, cwd: str | None = None, name: str = "s1") -> SessionLog:
        return SessionLog.create(
            self.agent_dir, cwd or self.cwd, wall=lambda: NOON, on_problem=self.problems.append, new_id=lambda: name
        )

    def reopen(self, path: Path) -> tuple[SessionLog, LoadedSession]:
        return SessionLog.reopen(path, wall=lambda: NOON, on_problem=self.problems.append)

    def read_back(self, path: Path) -> LoadedSession:
        log, session = self.reopen(path)
        log.close()
        return session

    def written(self, *messages: Message) -> Path:
        log = self.create()
        for message in messages:
            log.message(message)
        log.close()
        return log.path


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "agent")


def answer(*blocks: Text | ToolCall, reason: StopReason = StopReason.STOP) -> AssistantMessage:
    return AssistantMessage(blocks, reason, Producer("acme", "big", "openai-completions"))


def asks_for(*calls: ToolCall) -> AssistantMessage:
    return answer(*calls, reason=StopReason.TOOL_USE)


def result(call: ToolCall, text: str = "done") -> ToolResultMessage:
    return ToolResultMessage(call.id, call.name, (Text(text),))


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_there_is_no_file_before_the_first_message(desk: Desk) -> None:
    log = desk.create()
    log.route(A)
    assert not desk.agent_dir.exists()
    log.message(user_message("hi"))
    log.close()
    assert [line["type"] for line in lines(log.path)] == ["session", "model_change", "message"]


def test_the_file_lies_where_pi_users_look_and_is_for_the_user_alone(desk: Desk) -> None:
    path = desk.written(user_message("hi"))
    folder = desk.agent_dir / "pi-fallback" / "sessions" / "--home-me-work--"
    assert path == folder / "2026-11-10T12-00-00-000Z_s1.jsonl"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for made in (desk.agent_dir, desk.agent_dir / "pi-fallback", folder.parent, folder):
        assert stat.S_IMODE(made.stat().st_mode) == 0o700


def test_a_compacted_history_is_what_comes_back_and_the_old_one_stays_in_the_file(desk: Desk) -> None:
    log = desk.create()
    for message in (user_message("long ago"), answer(Text("well")), user_message("now"), asks_for(C1, C2)):
        log.message(message)
    log.tool_started(C1)
    kept = (user_message("so far: well"), user_message("now"), asks_for(C1, C2))
    log.compaction(Compaction("so far", kept, 900, 90))
    log.message(result(C1))
    log.tool_finished(C1)
    log.tool_started(C2)
    log.close()
    session = desk.read_back(log.path)
    assert session.messages[:4] == (*kept, result(C1))
    assert session.messages[4].content == (Text(MAY_HAVE_RUN),)
    assert session.unfinished == (C2,)
    (record,) = [line for line in lines(log.path) if line["type"] == "compaction"]
    assert (record["summary"], record["tokensBefore"], record["tokensAfter"]) == ("so far", 900, 90)
    assert "long ago" in log.path.read_text()


@pytest.mark.parametrize("broken", [b"", b',"messages":3', b',"messages":[{"role":"sage"}]'])
def test_a_bad_record_of_a_compaction_leaves_the_history_before_it(desk: Desk, broken: bytes) -> None:
    path = desk.written(user_message("hi"))
    with path.open("ab") as file:
        file.write(b'{"type":"compaction","summary":"s"' + broken + b"}\n")
    session = desk.read_back(path)
    assert session.messages == (user_message("hi"),)
    assert [line.number for line in session.bad_lines] == [3]


def test_each_record_has_type_id_and_time(desk: Desk) -> None:
    log = desk.create()
    log.message(user_message("hi"))
    log.route(B)
    log.failure(Failure(A, FailureKind.CAPACITY, ScopeKind.MODEL, "529", Phase.PRE, at=3.0))
    log.tool_started(C1)
    log.tool_finished(C1)
    log.close()
    session, message, route, failure, started, finished = lines(log.path)
    time = {"timestamp": "2026-11-10T12:00:00.000Z"}
    pid = {"pid": os.getpid()}
    assert session == {"type": "session", "version": 1, "id": "s1", "cwd": desk.cwd, **pid, **time}
    assert message["message"]["timestamp"] == NOON * 1000
    names = {"provider": "other", "modelId": "x/y", "credential": "backup-1"}
    assert route == {"type": "model_change", "id": "s1", **names, **time}
    assert (failure["kind"], failure["scope"], failure["text"]) == ("capacity", "model", "529")
    assert started == {"type": "tool_started", "id": "s1", "callId": "c1", "name": "bash", **time}
    assert finished == {"type": "tool_finished", "id": "s1", "callId": "c1", **time}


def test_what_was_written_comes_back_and_goes_on_in_the_same_file(desk: Desk) -> None:
    first = (user_message("hi"), asks_for(C1), result(C1), answer(Text("ok")))
    path = desk.written(*first)
    log, session = desk.reopen(path)
    assert (session.id, session.cwd, session.messages, session.route) == ("s1", desk.cwd, first, None)
    log.route(B)
    log.message(user_message("more"))
    log.close()
    session = desk.read_back(path)
    assert (session.messages, session.route) == ((*first, user_message("more")), B)
    assert (session.unfinished, session.bad_lines) == ((), ())


@pytest.mark.parametrize(
    ("records", "text", "unfinished"),
    [
        ([], NOT_RUN, ()),
        (["started"], MAY_HAVE_RUN, (C1,)),
        (["started", "finished"], RESULT_LOST, (C1,)),
    ],
)
def test_a_call_without_a_result_gets_one_that_says_what_is_known(
    desk: Desk, records: Sequence[str], text: str, unfinished: tuple[ToolCall, ...]
) -> None:
    log = desk.create()
    log.message(user_message("build it"))
    log.message(asks_for(C1, C2))
    for record in records:
        (log.tool_started if record == "started" else log.tool_finished)(C1)
    log.close()
    for _ in range(2):  # resuming does not change what is known
        session = desk.read_back(log.path)
        first, second = session.messages[-2:]
        assert first == ToolResultMessage("c1", "bash", (Text(text),), is_error=True)
        assert second == ToolResultMessage("c2", "read", (Text(NOT_RUN),), is_error=True)
        assert session.unfinished == unfinished


def test_an_old_gap_is_filled_where_it_is_and_is_no_news() -> None:
    messages = [asks_for(C1, C2), result(C2), user_message("go on"), answer(Text("ok"))]
    history = history_of([messages[0], ToolStarted("c1"), *messages[1:]])
    filled = ToolResultMessage("c1", "bash", (Text(MAY_HAVE_RUN),), is_error=True)
    assert history.messages == (*messages[:2], filled, *messages[2:])
    assert history.unfinished == ()


CALLS = [ToolCall(f"c{n}", "bash") for n in range(4)]
RECORDS = st.lists(
    st.sampled_from([user_message("x"), answer(reason=StopReason.ERROR)])
    | st.sampled_from(CALLS).map(result)
    | st.sampled_from(CALLS).map(lambda call: ToolStarted(call.id))
    | st.lists(st.sampled_from(CALLS), unique_by=lambda call: call.id).map(lambda calls: asks_for(*calls))
)


@given(RECORDS)
def test_whatever_lines_are_lost_each_call_has_exactly_one_result_right_behind_it(records) -> None:
    waiting: set[str] = set()
    for message in history_of(records).messages:
        if isinstance(message, ToolResultMessage):
            waiting.remove(message.call_id)
        else:
            assert not waiting
            waiting = {call.id for call in message.tool_calls} if isinstance(message, AssistantMessage) else set()
    assert not waiting


@pytest.mark.parametrize("cut", [1, 2, 30, 60])
def test_a_torn_tail_is_saved_aside_and_the_file_goes_on(desk: Desk, cut: int) -> None:
    path = desk.written(user_message("kept"), user_message("half of this is lost"))
    whole = path.read_bytes()
    path.write_bytes(whole[: -1 - cut])
    log, session = desk.reopen(path)
    assert session.messages == (user_message("kept"),)
    log.message(user_message("next"))
    log.close()
    torn = Path(f"{path}.torn")
    assert whole.endswith(torn.read_bytes()[:-1] + whole[-1 - cut :])
    assert stat.S_IMODE(torn.stat().st_mode) == 0o600
    assert desk.read_back(path).messages == (user_message("kept"), user_message("next"))
    assert desk.read_back(path).bad_lines == ()


def test_a_last_record_that_lacks_only_its_newline_is_whole(desk: Desk) -> None:
    path = desk.written(user_message("one"), user_message("two"))
    path.write_bytes(path.read_bytes()[:-1])
    assert desk.read_back(path).messages == (user_message("one"), user_message("two"))
    assert not Path(f"{path}.torn").exists()


def test_bad_lines_in_the_middle_are_named_and_left_where_they_are(desk: Desk) -> None:
    path = desk.written(user_message("one"), user_message("two"))
    header, one, two = path.read_bytes().splitlines(keepends=True)
    bad = [b"\0\0\0\n", b"[1]\n", b'{"no":"type"}\n', b'{"type":"message","message":{"role":"user"}}\n', b"\xff\n"]
    deep = b"[" * 100_000 + b"\n"
    future = b'{"type":"weather","sunny":true}\n'
    path.write_bytes(b"".join([header, *bad[:2], one, *bad[2:], deep, future, two]))
    session = desk.read_back(path)
    assert session.messages == (user_message("one"), user_message("two"))
    assert session.bad_lines == (
        BadLine(2, "the line is not JSON"),
        BadLine(3, "the line is not a JSON object"),
        BadLine(5, "`type` is missing"),
        BadLine(6, "`content` is not a list"),
        BadLine(7, "the line is not JSON"),
        BadLine(8, "the line is not JSON"),
    )
    assert all(line in path.read_bytes() for line in bad)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello\n",
        b'{"type":"ses',
        b"\x89PNG\r\n\0",
        b'{"type":"message","message":{"role":"user","content":"x"}}\n',
        b'{"type":"session","version":1,"id":"x"}\n',
        b'{"type":"session","version":3,"id":"x","cwd":"/"}\ntorn',
    ],
)
def test_a_file_that_is_no_session_is_refused_and_never_changed(desk: Desk, tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(data)
    with pytest.raises(SessionError) as raised:
        desk.reopen(path)
    assert str(raised.value).startswith(f"{path}, line 1: this is not a session of pi-fallback: ")
    assert str(raised.value).endswith("Choose another session, or start a new one.")
    assert path.read_bytes() == data
    assert os.listdir(tmp_path) == ["x.jsonl"]


def test_a_version_that_is_not_ours_is_named(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"type":"session","version":3,"id":"x","cwd":"/"}\n')
    with pytest.raises(SessionError, match="it has version 3, and this program reads version 1"):
        desk.reopen(path)


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: None], ids=["a folder", "nothing"])
def test_a_path_without_a_file_is_refused(desk: Desk, tmp_path: Path, make) -> None:
    make(tmp_path / "x.jsonl")
    with pytest.raises(SessionError, match=r"cannot be opened: .*start a new one"):
        desk.reopen(tmp_path / "x.jsonl")


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (os.mkfifo, "it is not a regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "it is not a regular file"),
        (lambda path: (path.touch(), os.truncate(path, MAX_BYTES + 1)), "it is larger than 256 MiB"),
    ],
    ids=["a pipe", "a device", "a huge file"],
)
def test_what_would_never_end_is_refused_unread_and_not_listed(desk: Desk, make, why: str) -> None:
    path = folder_of(desk.agent_dir, desk.cwd) / "x.jsonl"
    path.parent.mkdir(parents=True)
    make(path)
    with pytest.raises(SessionError, match=rf"cannot be opened: {why}\. .*start a new one"):
        desk.reopen(path)
    assert sessions(desk.agent_dir, desk.cwd) == []


@pytest.mark.parametrize("name", ["a\0b.jsonl", "\ud800.jsonl"])
def test_a_name_that_no_file_can_have_is_refused(desk: Desk, name: str) -> None:
    with pytest.raises(SessionError, match="no file can have that name"):
        desk.reopen(Path(name))


def test_a_session_is_held_by_one_process_that_the_next_one_names(desk: Desk) -> None:
    log = desk.create()
    log.message(user_message("hi"))
    sessions(desk.agent_dir, desk.cwd)  # looking at it does not let it go
    before = log.path.read_bytes()
    with pytest.raises(SessionError, match=f"in use by process {os.getpid()}. End that one, or start a new session"):
        desk.reopen(log.path)
    assert log.path.read_bytes() == before
    log.close()
    assert desk.read_back(log.path).messages == (user_message("hi"),)


def test_a_folder_that_cannot_be_made_is_said_once_and_made_up_for_later(desk: Desk) -> None:
    desk.agent_dir.write_text("in the way")
    log = desk.create()
    log.message(user_message("one"))
    log.message(user_message("two"))
    assert len(desk.problems) == 1
    assert "cannot be saved" in desk.problems[0]
    desk.agent_dir.unlink()
    log.message(user_message("three"))
    log.close()
    assert len(desk.problems) == 1
    assert [m.text for m in desk.read_back(log.path).messages] == ["one", "two", "three"]


def remove(path: Path) -> None:
    path.unlink()


def remove_folder(path: Path) -> None:
    shutil.rmtree(path.parents[3])


def move_folder(path: Path) -> None:
    path.parents[3].rename(path.parents[3].with_name("elsewhere"))


@pytest.mark.parametrize("lose", [remove, remove_folder, move_folder])
def test_a_file_that_is_gone_while_it_is_open_is_written_again_whole(desk: Desk, lose: Callable[[Path], None]) -> None:
    log = desk.create()
    log.message(user_message("one"))
    log.tool_started(C1)
    before = log.path.read_bytes()
    lose(log.path)
    log.message(user_message("two"))
    log.message(user_message("three"))
    assert log.path.read_bytes().startswith(before)
    assert stat.S_IMODE(log.path.stat().st_mode) == 0o600
    assert desk.problems == [f"The session {log.path} was moved or deleted meanwhile. It was written anew, whole."]
    with pytest.raises(SessionError, match="in use"):
        desk.reopen(log.path)
    log.close()
    assert desk.read_back(log.path).messages == (user_message("one"), user_message("two"), user_message("three"))


def test_a_file_that_another_took_the_place_of_is_written_beside_it(desk: Desk) -> None:
    log = desk.create()
    log.message(user_message("one"))
    path = log.path
    remove(path)
    path.write_text("somebody else's")
    log.message(user_message("two"))
    log.close()
    assert path.read_text() == "somebody else's"
    assert desk.problems == [f"Another file took the place of the session {path}. It goes on in {log.path}, whole."]
    assert log.path.parent == path.parent
    assert desk.read_back(log.path).messages == (user_message("one"), user_message("two"))
    assert [info.path for info in sessions(desk.agent_dir, desk.cwd)] == [log.path]


def test_a_folder_that_is_gone_and_cannot_be_made_is_made_up_for_later(desk: Desk) -> None:
    log = desk.create()
    log.message(user_message("one"))
    shutil.rmtree(desk.agent_dir)
    desk.agent_dir.write_text("in the way")
    log.message(user_message("two"))
    desk.agent_dir.unlink()
    log.message(user_message("three"))
    log.close()
    assert len(desk.problems) == 2
    assert "cannot be saved" in desk.problems[0]
    assert "was written anew" in desk.problems[1]
    assert [m.text for m in desk.read_back(log.path).messages] == ["one", "two", "three"]


def test_sessions_are_listed_last_used_first_with_their_first_prompt(desk: Desk) -> None:
    for name in ("old", "new", "mid"):
        log = desk.create(name=name)
        log.route(A)
        log.message(user_message(f"prompt\n of {name}"))
        log.message(user_message("another"))
        log.close()
        os.utime(log.path, (0, {"old": 1, "mid": 2, "new": 3}[name]))
    (folder_of(desk.agent_dir, desk.cwd) / "junk.jsonl").write_text("junk\n")
    listed = sessions(desk.agent_dir, desk.cwd)
    assert [(info.id, info.prompt, info.used_at) for info in listed] == [
        ("new", "prompt of new", 3.0),
        ("mid", "prompt of mid", 2.0),
        ("old", "prompt of old", 1.0),
    ]
    assert latest(desk.agent_dir, desk.cwd) == listed[0]
    assert latest(desk.agent_dir, "/elsewhere") is None


def test_two_folders_that_share_a_name_do_not_share_sessions(desk: Desk) -> None:
    for cwd, name in (("/a/b-c", "one"), ("/a-b/c", "two")):
        log = desk.create(cwd, name)
        log.message(user_message(name))
        log.close()
    assert [info.id for info in sessions(desk.agent_dir, "/a/b-c")] == ["one"]
    assert [info.id for info in sessions(desk.agent_dir, "/a-b/c")] == ["two"]


def test_a_deep_folder_has_sessions_too(desk: Desk) -> None:
    deep = "/" + "/".join(["très long"] * 100)
    log = desk.create(deep)
    log.message(user_message("hi"))
    log.close()
    assert desk.problems == []
    assert [info.cwd for info in sessions(desk.agent_dir, deep)] == [deep]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("ab1", "ab12"),
        ("ab12", "ab12"),
        ("x.jsonl", None),
        ("/etc/passwd", None),
        ("~nobody-of-that-name/x", None),
        ("ab", "2 sessions"),
        ("z", "No ses"),
    ],
)
def test_a_session_is_found_by_path_or_by_the_beginning_of_its_id(desk: Desk, name: str, found: str | None) -> None:
    paths: dict[str, Path] = {}
    for one in ("ab12", "ab99"):
        log = desk.create(name=one)
        log.message(user_message("hi"))
        log.close()
        paths[one] = log.path
    if found is None:
        assert find(desk.agent_dir, desk.cwd, name) == Path(name)
    elif found in paths:
        assert find(desk.agent_dir, desk.cwd, name) == paths[found]
    else:
        with pytest.raises(SessionError, match=found):
            find(desk.agent_dir, desk.cwd, name)
