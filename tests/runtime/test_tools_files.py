"""The tools that touch files: read, write, edit, ls."""

import os
import stat
from base64 import b64decode
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_fallback.runtime.tools.edit import Replacement, edited
from pi_fallback.runtime.tools.errors import ToolError
from pi_fallback.runtime.tools.limits import MAX_BYTES
from pi_fallback_hookspecs import Image
from tests.core.test_pictures import PIXELS
from tests.runtime.tool_box import ToolBox

pytestmark = pytest.mark.anyio

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def box(tmp_path: Path) -> ToolBox:
    return ToolBox(tmp_path, {"PATH": os.environ["PATH"], "HOME": str(tmp_path)})


async def test_read_gives_the_text_as_it_is(box: ToolBox) -> None:
    (box.cwd / "a.txt").write_text("one\n\ttwo  \n")
    assert await box.text("read", path="a.txt") == "one\n\ttwo  \n"


async def test_read_says_how_to_read_on(box: ToolBox) -> None:
    (box.cwd / "a.txt").write_text("".join(f"line {n}\n" for n in range(1, 5001)))
    first = await box.text("read", path="a.txt")
    assert "line 2000\n" in first
    assert "line 2001" not in first
    assert first.endswith("[Lines 1 to 2000; there is more. Read on with offset=2001.]")
    second = await box.text("read", path="a.txt", offset=2001, limit=2)
    assert second.startswith("line 2001\nline 2002\n\n[Lines 2001 to 2002;")


async def test_read_stops_at_fifty_kibibytes_between_two_lines(box: ToolBox) -> None:
    (box.cwd / "a.txt").write_text(("x" * 999 + "\n") * 100)
    text = await box.text("read", path="a.txt")
    assert text.count("x" * 999) == MAX_BYTES // 1000
    assert text.endswith("Read on with offset=52.]")


@pytest.mark.parametrize(
    ("make", "arguments", "told"),
    [
        (lambda folder: None, {"path": "gone"}, "gone does not exist"),
        (lambda folder: (folder / "d").mkdir(), {"path": "d"}, "d is a directory. `ls` lists it"),
        (lambda folder: (folder / "b").write_bytes(b"ELF\0\1"), {"path": "b"}, "b is not text"),
        (lambda folder: os.mkfifo(folder / "p"), {"path": "p"}, "is a device, a pipe or a socket"),
        (lambda folder: (folder / "s").write_text("1\n2\n"), {"path": "s", "offset": 9}, "s has only 2 lines"),
        (lambda folder: (folder / "l").write_text("x" * 60_000), {"path": "l"}, "Line 1 of l is longer than 50 KiB"),
        (lambda folder: (folder / "f").write_text(""), {"path": "f/g"}, "a part of that path is not a directory"),
        (lambda folder: None, {"path": "a\0b"}, "cannot be the name of a file"),
        (lambda folder: (folder / "i").write_bytes(PNG + bytes(6 << 20)), {"path": "i"}, "larger than 3.75 MiB"),
        (
            lambda folder: (folder / "i").write_bytes(PNG + bytes(500)),
            {"path": "i"},
            "i begins like image/png, but is no",
        ),
    ],
    ids=[
        "missing",
        "folder",
        "binary",
        "pipe",
        "beyond the end",
        "long line",
        "file as folder",
        "NUL",
        "huge image",
        "half image",
    ],
)
async def test_what_cannot_be_read_is_refused_with_a_sentence(box: ToolBox, make, arguments, told: str) -> None:
    make(box.cwd)
    with pytest.raises(ToolError, match=told.replace("`", ".")):
        await box.call("read", **arguments)


async def test_an_empty_file_is_said_to_be_empty(box: ToolBox) -> None:
    (box.cwd / "e").touch()
    assert await box.text("read", path="e") == "[e is empty.]"


@pytest.mark.parametrize(("mime_type", "pixel"), PIXELS.items())
async def test_an_image_is_known_by_its_bytes_and_comes_as_one(box: ToolBox, mime_type: str, pixel: str) -> None:
    (box.cwd / "picture").write_bytes(b64decode(pixel))
    image = (await box.call("read", path="picture")).content[1]
    assert image == Image(pixel, mime_type)


async def test_paths_may_be_absolute_or_start_at_home(
    box: ToolBox, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    (home / "a").write_text("at home")
    assert await box.text("read", path="~/a") == "at home"
    assert await box.text("read", path=str(home / "a")) == "at home"


async def test_write_makes_folders_and_says_what_it_did(box: ToolBox) -> None:
    assert await box.text("write", path="a/b/c.txt", content="é\r\n") == "Made a/b/c.txt (4 bytes)."
    assert (box.cwd / "a/b/c.txt").read_bytes() == b"\xc3\xa9\r\n"
    assert await box.text("write", path="a/b/c.txt", content="") == "Replaced a/b/c.txt (0 bytes)."


async def test_write_keeps_the_mode_and_the_link_and_leaves_no_temporary_file(box: ToolBox) -> None:
    script = box.cwd / "run.sh"
    script.write_text("old")
    script.chmod(0o750)
    (box.cwd / "link").symlink_to("run.sh")
    await box.call("write", path="link", content="new")
    assert (box.cwd / "link").is_symlink()
    assert (script.read_text(), stat.S_IMODE(script.stat().st_mode)) == ("new", 0o750)
    assert sorted(os.listdir(box.cwd)) == ["link", "run.sh"]


@pytest.mark.parametrize(
    ("path", "content", "told"),
    [
        ("folder", "x", "folder is a directory"),
        ("file/below", "x", "a part of that path is not a directory"),
        ("new", "\ud800", "half a character"),
    ],
)
async def test_what_cannot_be_written_changes_nothing(box: ToolBox, path: str, content: str, told: str) -> None:
    (box.cwd / "folder").mkdir()
    (box.cwd / "file").write_text("kept")
    with pytest.raises(ToolError, match=told):
        await box.call("write", path=path, content=content)
    assert sorted(os.listdir(box.cwd)) == ["file", "folder"]
    assert (box.cwd / "file").read_text() == "kept"


async def test_edit_replaces_each_piece_once(box: ToolBox) -> None:
    file = box.cwd / "a.py"
    file.write_text("a = 1\nb = 2\nc = 3\n")
    edits = [{"oldText": "c = 3", "newText": "c = 4"}, {"oldText": "a = 1\n", "newText": ""}]
    answer = await box.text("edit", path="a.py", edits=edits)
    assert file.read_text() == "b = 2\nc = 4\n"
    assert answer == "Edited a.py: 2 replacements, at line 1, 3."


@pytest.mark.parametrize(
    ("edits", "told"),
    [
        ([("nowhere", "x")], r"edits\[0\]\.oldText. is not in a\. .*copy the text"),
        ([("a", "b"), ("x\n", "y")], r"edits\[1\]\.oldText. is in a 3 times \(at line 1, 3, 4\)"),
        ([("a\nx", "a\nx")], r"edits\[0\]. changes nothing"),
        ([("x\na", "1"), ("a\nx", "2")], r"overlap at line 2"),
        ([("", "x")], r"`edits\.0\.oldText`: String should have at least 1 character"),
        ([], r"`edits`: List should have at least 1 item"),
    ],
)
async def test_an_edit_that_is_not_clear_changes_nothing(box: ToolBox, edits: list[tuple[str, str]], told: str) -> None:
    (box.cwd / "a").write_text("x\na\nx\nx\n")
    with pytest.raises(ToolError, match=told):
        await box.call("edit", path="a", edits=[{"oldText": old, "newText": new} for old, new in edits])
    assert (box.cwd / "a").read_text() == "x\na\nx\nx\n"


@pytest.mark.parametrize(
    ("before", "old", "new", "after"),
    [
        (b"a\r\nb\r\n", "a\nb", "1\n2", b"1\r\n2\r\n"),
        (b"a\r\nb\r\n", "b", "1\n2", b"a\r\n1\r\n2\r\n"),
        (b"a\nb\r\nc\nd\n", "c\nd", "1\n2", b"a\nb\r\n1\n2\n"),
        (b"a\nb\n", "a\r\nb", "1\r\n2", b"1\n2\n"),
        (b"\xef\xbb\xbfa\n", "a", "b", b"\xef\xbb\xbfb\n"),
        (b"no end", "end", "newline", b"no newline"),
    ],
    ids=["CRLF", "CRLF, one line", "mixed", "CRLF asked for", "byte order mark", "no final newline"],
)
async def test_edit_keeps_line_endings_and_byte_order_mark(
    box: ToolBox, before: bytes, old: str, new: str, after: bytes
) -> None:
    (box.cwd / "a").write_bytes(before)
    await box.call("edit", path="a", edits=[{"oldText": old, "newText": new}])
    assert (box.cwd / "a").read_bytes() == after


@pytest.mark.parametrize(("data", "told"), [(b"a\0b", "not text"), (b"caf\xe9", "not UTF-8")])
async def test_edit_refuses_what_it_cannot_write_back(box: ToolBox, data: bytes, told: str) -> None:
    (box.cwd / "a").write_bytes(data)
    with pytest.raises(ToolError, match=told):
        await box.call("edit", path="a", edits=[{"oldText": "a", "newText": "b"}])
    assert (box.cwd / "a").read_bytes() == data


@given(st.text("ab\r\n"), st.text("ab\r\n", min_size=1), st.text("ab\n"))
def test_an_edit_touches_nothing_but_its_match(text: str, old: str, new: str) -> None:
    try:
        after, _lines = edited(text, [Replacement(oldText=old, newText=new)], "file")
    except ToolError:
        return
    plain = old.replace("\r\n", "\n")
    assert any(
        text[at:].startswith(form) and after.startswith(text[:at]) and after.endswith(text[at + len(form) :])
        for at in range(len(text))
        for form in (plain, plain.replace("\n", "\r\n"))
    )


async def test_ls_marks_folders_and_links_and_shows_hidden_files(box: ToolBox) -> None:
    (box.cwd / "Folder").mkdir()
    (box.cwd / ".hidden").touch()
    (box.cwd / "link").symlink_to("Folder")
    (box.cwd / os.fsdecode(b"caf\xe9")).touch()
    assert await box.text("ls") == ".hidden\ncaf\N{REPLACEMENT CHARACTER}\nFolder/\nlink@"


async def test_ls_has_a_limit(box: ToolBox) -> None:
    for n in range(10):
        (box.cwd / str(n)).touch()
    assert (await box.text("ls", limit=2)).endswith("1\n[2 of 10 entries. Use `find`, or raise `limit`.]")
