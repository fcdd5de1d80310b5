"""The registry: order, allow and deny, refusals, what the listing says."""

from collections.abc import Callable
from typing import Any

import pytest

from pi_fallback.errors import PluginError
from pi_fallback.runtime.discovery import Candidate, given
from pi_fallback.runtime.registry import Registry
from pi_fallback_hookspecs import Command, ErrorRow, FailureKind, Notify, OAuthEndpoints, Provider, Tool, hookimpl


class Greeter:
    @hookimpl
    def agent_settled(self) -> Notify:
        return Notify("hello")


def offering(hook: str, answer: object) -> object:
    """A plugin whose `hook` returns `answer`."""

    def answering(_self: object) -> object:
        if isinstance(answer, Exception):
            raise answer
        return answer

    answering.__name__ = hook
    return type("Offering", (), {hook: hookimpl(answering)})()


def plugin_with(function: Callable[..., Any], **options: bool) -> object:
    marked = hookimpl(**options)(function) if options else hookimpl(function)
    return type("Plugin", (), {function.__name__: marked})()


def names(registry: Registry, hook: str = "agent_settled") -> list[str]:
    return [impl.plugin.name for impl in registry.impls(hook)]


def test_plugins_are_asked_in_the_order_built_in_first_then_found_then_built_in_last() -> None:
    registry = Registry.load(
        first=[("subswitch", Greeter()), ("ha", Greeter())],
        found=[given("zebra", Greeter()), given("ant", Greeter())],
        last=[("progress", Greeter())],
    )
    assert names(registry) == ["subswitch", "ha", "zebra", "ant", "progress"]
    assert registry.asked == {"agent_settled"}


def never() -> object:
    raise AssertionError("this plugin was to be left out before it is imported")


def test_a_plugin_on_the_deny_list_is_not_imported() -> None:
    found = [Candidate("noisy", "package noisy", never), given("quiet", Greeter())]
    registry = Registry.load(first=[("ha", Greeter())], found=found, deny={"noisy", "ha"})
    assert names(registry) == ["quiet"]
    assert [(row.name, row.disabled, row.faults) for row in registry.listing()] == [
        ("ha", True, 0),
        ("noisy", True, 0),
        ("quiet", False, 0),
    ]


def test_an_allow_list_leaves_out_every_foreign_plugin_that_it_does_not_name() -> None:
    found = [Candidate("noisy", "package noisy", never), given("quiet", Greeter())]
    registry = Registry.load(first=[("ha", Greeter())], found=found, allow={"quiet"})
    assert names(registry) == ["ha", "quiet"]


def agent_ended(self: object, event: object) -> None: ...
def agent_end(self: object, evnt: object) -> None: ...
def register_tools(self: object, event: object) -> None: ...
async def turn_end(self: object, event: object) -> None: ...
async def turn_start(self: object, event: object) -> Any:
    yield None


def session_start(self: object, event: object) -> Any:
    yield Notify("hello")


def wrapping(self: object) -> Any:
    return (yield)


def input(self: object, event: object) -> None: ...  # noqa: A001  # the name of the hook


wrapping.__name__ = "agent_start"

REFUSED = [
    (agent_ended, {}, "has a hook `agent_ended` that does not exist; did you mean `agent_end`?"),
    (agent_end, {}, "wants an argument `evnt` in `agent_end`; its only argument is `event`."),
    (register_tools, {}, "wants an argument `event` in `register_tools`; it takes none."),
    (turn_end, {}, "has an async `turn_end`, but hooks are plain functions; order long work as an effect."),
    (turn_start, {}, "has an async `turn_start`, but hooks are plain functions; order long work as an effect."),
    (session_start, {}, "yields in `session_start`; return the effects as a list instead."),
    (wrapping, {"wrapper": True}, "wraps `agent_start`, but the order of plugins is explicit"),
    (wrapping, {"hookwrapper": True}, "wraps `agent_start`, but the order of plugins is explicit"),
    (input, {"tryfirst": True}, "asks for `tryfirst` in `input`, but the order of plugins is explicit"),
    (input, {"trylast": True}, "asks for `trylast` in `input`, but the order of plugins is explicit"),
]


@pytest.mark.parametrize(("function", "options", "reason"), REFUSED)
def test_what_may_not_be_a_plugin_is_refused_with_a_reason_and_alone(
    function: Callable[..., Any], options: dict[str, bool], reason: str
) -> None:
    registry = Registry.load(found=[given("bad", plugin_with(function, **options)), given("good", Greeter())])
    assert names(registry) == ["good"]
    (fault,) = registry.faults
    assert str(fault).startswith(f"Plugin bad (given) {reason}")


def test_a_hook_marked_as_optional_may_belong_to_a_later_contract() -> None:
    class Modern(Greeter):
        @hookimpl(optionalhook=True)
        def agent_dreams(self, event: object) -> None: ...

    assert names(Registry.load(found=[given("modern", Modern())])) == ["modern"]


def failing(error: BaseException) -> Callable[[], object]:
    def load() -> object:
        raise error

    return load


LOADS = [
    (failing(ModuleNotFoundError("No module named 'nowhere'")), "ModuleNotFoundError: No module named 'nowhere'"),
    (failing(SystemExit(3)), "SystemExit: 3"),
    (failing(ValueError("two\nlines")), "ValueError: two lines"),
    (lambda: object(), "has no hooks; mark its functions with `@hookimpl`"),
]


@pytest.mark.parametrize(("load", "reason"), LOADS)
def test_a_plugin_that_cannot_be_loaded_becomes_a_fault_and_stops_nobody(
    load: Callable[[], object], reason: str
) -> None:
    registry = Registry.load(found=[Candidate("bad", "package bad", load, "1.2"), given("good", Greeter())])
    assert names(registry) == ["good"]
    assert reason in str(registry.faults[0])
    row = registry.listing()[0]
    assert row[:6] == ("bad", "package bad", "1.2", (), 1, str(registry.faults[0]))
    assert row.disabled


@pytest.mark.parametrize(("load", "reason"), LOADS)
def test_a_plugin_that_was_asked_for_by_name_and_fails_stops_the_program(
    load: Callable[[], object], reason: str
) -> None:
    with pytest.raises(PluginError) as caught:
        Registry.load(found=[Candidate("mine", "mine.py", load, explicit=True)])
    assert (caught.value.plugin, caught.value.exit_code) == ("mine", 2)
    assert reason in str(caught.value)
    assert str(caught.value).endswith("Correct it, or start without this `--plugin`.")


@pytest.mark.parametrize("taken", ["ha", "progress", "other"])
def test_the_first_plugin_of_a_name_stays(taken: str) -> None:
    found = [given("other", Greeter()), Candidate(taken, "package second", never)]
    registry = Registry.load(first=[("ha", Greeter())], found=found, last=[("progress", Greeter())])
    assert names(registry) == ["ha", "other", "progress"]
    assert "there is one of this name already" in str(registry.faults[0])


async def run(*_args: object) -> str:
    return "done"


GOOD = Provider("acme", "https://acme.test/v1")
CLOCK = Tool("clock", "Tell the time", {"type": "object", "properties": {}}, run)


def test_what_plugins_add_is_collected_in_their_order() -> None:
    class Adds:
        @hookimpl
        def register_providers(self) -> list[Provider]:
            return [GOOD]

        @hookimpl
        def register_commands(self) -> list[Command]:
            return [Command("hello", "say hello", run)]

        @hookimpl
        def register_tools(self) -> list[Tool]:
            return [CLOCK]

    registry = Registry.load(found=[given("adds", Adds())])
    assert registry.providers() == (GOOD,)
    assert [command.name for command in registry.commands()] == ["hello"]
    assert registry.tools() == (CLOCK,)
    assert (registry.owner_of("hello"), registry.owner_of("nobody")) == ("adds", "")


def test_a_later_provider_of_one_id_replaces_the_earlier_one_with_a_notice() -> None:
    other = Provider("acme", "https://other.test/v1")
    registry = Registry.load(
        found=[given("a", offering("register_providers", [GOOD])), given("b", offering("register_providers", [other]))]
    )
    assert registry.providers() == (other,)
    assert registry.notices == ("The provider acme of plugin a is replaced by that of b.",)


def test_the_first_command_and_the_first_tool_of_a_name_stay() -> None:
    first, second = Command("go", "one", run), Command("go", "two", run)
    registry = Registry.load(
        found=[
            given("a", offering("register_commands", [first])),
            given("b", offering("register_commands", [second])),
            given("c", offering("register_tools", [CLOCK])),
            given("d", offering("register_tools", [CLOCK])),
        ]
    )
    assert registry.commands() == (first,)
    assert registry.tools() == (CLOCK,)
    assert [fault.plugin for fault in registry.faults] == ["b", "d"]
    assert "'go', which plugin a offers already" in str(registry.faults[0])


def test_error_rows_of_all_plugins_stand_in_the_order_of_the_plugins() -> None:
    rows = [ErrorRow(name, FailureKind.CAPACITY, ("full",)) for name in ("one", "one", "two")]
    found = [
        given("a", offering("register_error_rows", rows[:2])),
        given("b", offering("register_error_rows", rows[2:])),
    ]
    assert Registry.load(found=found).error_rows() == tuple(rows)


def with_login(**oauth: Any) -> Provider:
    return Provider("a", "https://acme.test", oauth=OAuthEndpoints(**oauth))


BAD_EXTENSIONS = [
    ("register_error_rows", [ErrorRow("x", FailureKind.AUTH, ())], "without words"),
    ("register_error_rows", [ErrorRow("x", FailureKind.AUTH, ("  ",))], "with an empty one"),
    ("register_error_rows", [ErrorRow("x", "auth!", ("y",))], "wrong `kind`"),
    ("register_error_rows", [3], "returned an int where a ErrorRow belongs"),
    ("register_providers", GOOD, "returned a Provider, not a sequence of providers"),
    ("register_providers", [3], "returned an int where a Provider belongs"),
    ("register_providers", [Provider("a/b", "https://acme.test")], "may hold no slash"),
    ("register_providers", [Provider("a", "acme.test")], "wrong `base_url`"),
    ("register_providers", [with_login(token_url="http://acme.test/t")], "wrong `oauth.token_url`: it must use https"),
    ("register_providers", [with_login(exchange_url="acme.test")], "wrong `oauth.exchange_url`: it must be a URL"),
    ("register_providers", [with_login(redirect="https://acme.test/back")], "wrong `oauth.redirect`: it must be a"),
    ("register_providers", [with_login(scopes="all")], "wrong `oauth.scopes`"),
    ("register_providers", [Provider("a", "https://acme.test", needs_key="no")], "wrong `needs_key`"),
    ("register_commands", [Command("two words", "x", run)], "named 'two words'"),
    ("register_commands", [Command("x", "x", "no function")], "`run` cannot be called"),
    ("register_tools", [Tool("t", "t", {}, run)], "JSON Schema of type object"),
    ("register_tools", [Tool("t", None, {"type": "object"}, run)], "`description` is not a string"),
    ("register_tools", ValueError("boom"), "ValueError: boom"),
]


@pytest.mark.parametrize(("hook", "answer", "reason"), BAD_EXTENSIONS)
def test_an_extension_that_is_nonsense_loses_that_answer_only(hook: str, answer: object, reason: str) -> None:
    good = Provider("good", "https://good.test")
    bad = offering(hook, answer)
    registry = Registry.load(found=[given("bad", bad), given("good", offering("register_providers", [good]))])
    assert registry.providers() == (good,)
    assert (registry.commands(), registry.tools()) == ((), ())
    assert reason in str(registry.faults[0])
    assert not registry.plugins[0].disabled
