"""Folders: what a project's own files may do before it is trusted, while it is, and once they have changed."""

from pi_fallback.testing import Ok, RunningFaultServer, ToolCallScript
from tests.e2e.user import User, written

PLUGIN = """
from pathlib import Path
from pi_fallback_hookspecs import hookimpl

Path(__file__).parents[2].joinpath("loaded").touch()


@hookimpl
def turn_start():
    return ()
"""
ABC = {"a": "A", "b": "B", "c": "C"}


def models(user: User, *arguments: str) -> list[str]:
    done = user.run("models", *arguments)
    assert done.code == 0
    return [line.split()[0] for line in done.out.splitlines()[1:]]


def test_a_plugin_of_a_project_is_loaded_while_the_project_is_trusted_as_it_is(user: User) -> None:
    plugin = written(user.folder / ".pi" / "plugins" / "house.py", PLUGIN)
    loaded = user.folder / "loaded"

    def is_loaded() -> bool:
        loaded.unlink(missing_ok=True)
        listed = "house" in user.run("plugins").out
        assert listed == loaded.exists()
        return listed

    assert not is_loaded()
    assert user.run("trust").out == f"{user.folder} is trusted until something in its .pi/ changes.\n"
    assert is_loaded()
    plugin.write_text(PLUGIN + "\n# changed\n")
    assert not is_loaded()
    assert user.run("trust", str(user.folder)).code == 0
    assert is_loaded()
    assert user.run("untrust").out == f"{user.folder} is not trusted.\n"
    assert not is_loaded()


def test_settings_of_a_project_only_narrow_and_reorder_the_models_before_trust(user: User) -> None:
    user.endpoints("http://127.0.0.1:9/v1", **ABC, d="D")
    user.settings("a/A", "b/B", "c/C")
    project = {"enabledModels": ["c/C", "d/D", "a/A"], "fallback": {"enabled": False}}
    written(user.folder / ".pi" / "settings.json", project)
    done = user.run("models")
    assert [line.split()[0] for line in done.out.splitlines()] == ["MODEL", "c/C", "a/A"]
    assert "ignored until you trust this folder (pi-fallback trust): fallback." in done.err
    assert "progress" in user.run("plugins").out
    user.run("trust")
    assert models(user) == ["c/C", "d/D", "a/A"]
    assert "progress" not in user.run("plugins").out


def test_a_broken_file_of_a_project_stops_nothing_before_trust_and_everything_after(
    user: User, fault_server: RunningFaultServer
) -> None:
    user.endpoints(fault_server.base_url, a="A")
    user.settings()
    fault_server.play("A", Ok("fine"))
    written(user.folder / ".pi" / "settings.json", "{")
    done = user.run("-p", "hello")
    assert (done.code, done.out) == (0, "fine\n")
    assert "settings.json, line 1: is not valid JSON" in done.err
    user.run("trust")
    assert user.run("-p", "hello").code == 2


def test_accounts_and_endpoints_of_a_project_are_never_read(user: User) -> None:
    user.endpoints("http://127.0.0.1:9/v1", a="A")
    there = {"providers": {"a": {"baseUrl": "http://127.0.0.1:7/v1"}, "evil": {"baseUrl": "http://127.0.0.1:7/v1"}}}
    written(user.folder / ".pi" / "models.json", there)
    written(user.folder / ".pi" / "auth.json", {"groq": {"type": "api_key", "key": "sk-0123456789"}})
    user.run("trust")
    assert models(user) == ["a/A"]


def test_models_are_listed_in_the_order_of_their_use_and_filtered_by_words(user: User) -> None:
    user.endpoints("http://127.0.0.1:9/v1", **ABC)
    user.settings("c/C", "a/A", "gone/*", defaultProvider="a", defaultModel="A")
    done = user.run("models")
    assert done.out.splitlines() == [
        "MODEL  WINDOW  IN $  OUT $  TAKES  THINKS  USABLE",
        "c/C    128k    ?     ?      text   no      yes",
        "a/A    128k    ?     ?      text   no      yes, the start",
    ]
    assert "pi-fallback: No model fits 'gone/*' of enabledModels. It is passed over.\n" in done.err
    assert models(user, "c/") == ["c/C"]
    assert "by name only: not in enabledModels" in user.run("models", "b/B").out


def test_plugins_are_listed_with_hooks_and_faults(user: User) -> None:
    folder = user.agent_dir / "pi-fallback" / "plugins"
    written(folder / "fine.py", PLUGIN)
    written(folder / "wrong.py", "1 / 0\n")
    done = user.run("plugins", "--no-plugin", "progress")
    assert done.code == 1
    assert f"fine\n  from:  {folder}/fine.py\n  hooks: turn_start\n" in done.out
    assert "wrong (off)" in done.out
    assert "ZeroDivisionError" in done.out
    assert "progress (off)\n  from:  built-in\n" in done.out


def test_a_plugin_that_fails_to_load_is_told_and_stops_nothing(user: User, fault_server: RunningFaultServer) -> None:
    user.endpoints(fault_server.base_url, a="A")
    user.settings()
    fault_server.play("A", Ok("fine"))
    written(user.agent_dir / "pi-fallback" / "plugins" / "wrong.py", "1 / 0\n")
    done = user.run("-p", "hello")
    assert (done.code, done.out) == (0, "fine\n")
    assert "wrong" in done.err
    assert "ZeroDivisionError" in done.err


def test_without_a_screen_nothing_is_written_or_run_unless_it_was_allowed(
    user: User, fault_server: RunningFaultServer
) -> None:
    user.endpoints(fault_server.base_url, a="A")
    user.settings()
    fault_server.play("A", [Ok(tools=[ToolCallScript("bash", {"command": "touch here"})]), Ok("I may not.")])
    assert user.run("-p", "touch").out == "I may not.\n"
    assert not (user.folder / "here").exists()
