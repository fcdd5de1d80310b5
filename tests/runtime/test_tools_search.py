"""`grep` and `find`: the worker process, the globs, the walk."""

import os
import subprocess
from pathlib import Path

import anyio
import pytest

from pi_fallback.runtime.tools.errors import ToolError
from pi_fallback.runtime.tools.globs import matches
from tests.runtime.tool_box import ToolBox

pytestmark = pytest.mark.anyio


@pytest.fixture
def box(tmp_path: Path) -> ToolBox:
    for name, text in {
        "src/main.py": "import os\n\ndef main():\n    return os.name\n",
        "src/deep/er/util.py": "def helper():\n    return 'MAIN'\n",
        "src/style.css": "a { color: red }\r\nb { }\r\n",
        "node_modules/x/index.py": "def main(): pass\n",
        "build/out.py": "def main(): pass\n",
        "picture.bin": "def main\0\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(text.encode())
    return ToolBox(tmp_path, {"PATH": os.environ["PATH"]})


def git_init(folder: Path, ignored: str) -> None:
    (folder / ".gitignore").write_text(ignored)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)


async def test_grep_answers_with_file_line_and_text(box: ToolBox) -> None:
    assert await box.text("grep", pattern=r"def \w+\(", path="src") == (
        "src/deep/er/util.py:1: def helper():\nsrc/main.py:3: def main():"
    )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"pattern": "main", "glob": "*.py", "path": "src"}, "src/main.py:3: def main():"),
        (
            {"pattern": "main", "path": "src", "ignoreCase": True},
            "src/deep/er/util.py:2:     return 'MAIN'\nsrc/main.py:3: def main():",
        ),
        ({"pattern": "main()", "literal": True, "path": "src"}, "src/main.py:3: def main():"),
        ({"pattern": "}$", "path": "src/style.css"}, "src/style.css:1: a { color: red }\nsrc/style.css:2: b { }"),
        ({"pattern": "red", "glob": "*.css"}, "src/style.css:1: a { color: red }"),
        (
            {"pattern": "^def main", "path": "src", "context": 1},
            "src/main.py-2- \nsrc/main.py:3: def main():\nsrc/main.py-4-     return os.name\n--",
        ),
        ({"pattern": "no such thing"}, "[No match.]"),
        ({"pattern": "def main", "path": "picture.bin"}, "[No match.]"),
        (
            {"pattern": "def", "path": "src", "limit": 1},
            "src/deep/er/util.py:1: def helper():\n"
            "[Stopped after 1: there is more. Narrow the search, or raise `limit`.]",
        ),
    ],
)
async def test_grep_can_be_narrowed_and_widened(box: ToolBox, arguments: dict[str, object], expected: str) -> None:
    assert await box.text("grep", **arguments) == expected


async def test_without_git_the_litter_of_tools_is_left_out(box: ToolBox) -> None:
    text = await box.text("find", pattern="*.py")
    assert text == "build/out.py\nsrc/deep/er/util.py\nsrc/main.py"


async def test_with_git_what_it_ignores_is_left_out_and_what_is_new_is_not(box: ToolBox) -> None:
    git_init(box.cwd, "build/\nnode_modules/\n")
    (box.cwd / "inner").mkdir()
    git_init(box.cwd / "inner", "")
    (box.cwd / "inner/a.py").touch()
    assert await box.text("find", pattern="*.py") == "inner/a.py\nsrc/deep/er/util.py\nsrc/main.py"


async def test_an_ignored_folder_is_searched_when_it_is_asked_for_by_name(box: ToolBox) -> None:
    git_init(box.cwd, "build/\n")
    assert await box.text("grep", pattern="main", path="build") == "build/out.py:1: def main(): pass"


async def test_a_search_runs_nothing_that_the_repository_names(box: ToolBox) -> None:
    git_init(box.cwd, "")
    subprocess.run(["git", "config", "core.fsmonitor", f"touch {box.cwd}/pwned;false"], cwd=box.cwd, check=True)
    (box.cwd / "json.py").write_text(f"open({str(box.cwd / 'pwned')!r}, 'w')")
    await box.text("find", pattern="*")
    assert not (box.cwd / "pwned").exists()


async def test_a_file_with_a_name_that_is_not_utf8_is_found(box: ToolBox) -> None:
    (box.cwd / os.fsdecode(b"caf\xe9.txt")).write_text("coffee")
    assert await box.text("grep", pattern="coffee") == "caf\N{REPLACEMENT CHARACTER}.txt:1: coffee"


async def test_a_long_line_is_cut(box: ToolBox) -> None:
    (box.cwd / "min.js").write_text("x" * 100_000)
    text = await box.text("grep", pattern="x")
    assert text.endswith("xx [… 100,000 characters]")
    assert len(text) < 600


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"pattern": "("}, r"not a regular expression: missing \).*or set .literal"),
        ({"pattern": "x", "path": "gone"}, "gone does not exist"),
    ],
)
async def test_a_search_that_cannot_be_made_says_why(box: ToolBox, arguments: dict[str, str], told: str) -> None:
    with pytest.raises(ToolError, match=told):
        await box.call("grep", **arguments)


async def test_an_expression_that_never_ends_can_be_cancelled_and_stops_nobody_else(box: ToolBox) -> None:
    (box.cwd / "evil.txt").write_text("a" * 40 + "!")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: box.text("grep", pattern="(a+)+$", path="evil.txt"))
        for _ in range(50):
            before = anyio.current_time()
            await anyio.sleep(0.01)
            assert anyio.current_time() - before < 0.5
        tasks.cancel_scope.cancel()
        before = anyio.current_time()
    assert anyio.current_time() - before < 0.2


@pytest.mark.parametrize(
    ("path", "pattern", "fits"),
    [
        ("a/b/c.py", "*.py", True),
        ("a/b/c.py", "a/*.py", False),
        ("a/b/c.py", "a/**/*.py", True),
        ("a/c.py", "a/**/*.py", True),
        ("a/b/c.py", "**/c.py", True),
        ("c.py", "**/c.py", True),
        ("a/b/c.py", "a/**", True),
        ("a/b/c.py", "**", True),
        ("a/b/c.py", "./a/b/c.py", True),
        ("a/b.ts", "*.{ts,tsx}", True),
        ("a/b.tsx", "{a,z}/*.{ts,tsx}", True),
        ("a/b.js", "*.{ts,{js,mjs}}", True),
        ("a/b{.js", "*{.js", True),
        ("A/B.PY", "*.py", False),
        ("a/x1.py", "x[0-9].py", True),
        ("a/" * 30 + "b", "**/a/" * 15 + "c", False),
    ],
)
def test_globs(path: str, pattern: str, fits: bool) -> None:
    assert matches(path, pattern) is fits
