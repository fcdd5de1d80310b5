"""The store: all files into one configuration; what is wrong loses only itself."""

import json
from pathlib import Path

import pytest

from pi_fallback.config.problems import Problem
from pi_fallback.config.schema import ApiKeyEntry, OAuthEntry, Settings
from pi_fallback.config.store import Configuration, agent_dir, load
from pi_fallback_hookspecs import thawed

SECRET = "sk-never-to-be-seen-0123456789"


class Home:
    """An agent directory and a project folder to put files into."""

    def __init__(self, root: Path) -> None:
        self.agent, self.project = root / "agent", root / "project"
        self.agent.mkdir()
        (self.project / ".pi").mkdir(parents=True)

    def write(self, name: str, content: object) -> None:
        path = self.project / name if name.startswith(".pi") else self.agent / name
        path.write_text(content if isinstance(content, str) else json.dumps(content, indent=2))
        path.chmod(0o600)

    def load(self, *, trusted: bool = False) -> Configuration:
        return load(self.agent, self.project, trusted=trusted)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_no_files_at_all_are_a_whole_configuration(home: Home) -> None:
    found = home.load()
    assert (found.problems, found.notices) == ((), ())
    assert found.settings == Settings.model_validate({})
    assert not found.models.providers
    assert not found.auth.root


def test_files_of_pi_are_read_without_a_word(home: Home) -> None:
    home.write("settings.json", {"theme": "dark", "packages": [], "compaction": {"enabled": True}, "defaultModel": "m"})
    home.write(
        "auth.json",
        {
            "a": {"type": "api_key", "key": "k"},
            "b": {"type": "oauth", "access": "x", "refresh": "y", "expires": 1, "id": 3},
        },
    )
    cost = {"input": 1, "output": 2, "cacheRead": 0, "cacheWrite": 0}
    home.write("models.json", {"providers": {"p": {"baseUrl": "https://p", "models": [{"id": "m", "cost": cost}]}}})
    found = home.load()
    assert (found.problems, found.notices) == ((), ())
    assert [type(entry) for entry in found.auth.root.values()] == [ApiKeyEntry, OAuthEntry]


@pytest.mark.parametrize("name", ["settings.json", "models.json", "auth.json"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"a" 1}', "line 1: is not valid JSON: a colon is missing"),
        ("", "is empty"),
        ("[]", "line 1: must be an object (got a list)"),
        ("3", "line 1: must be an object (got a number)"),
        ("null", "line 1: must be an object (got null)"),
    ],
)
def test_a_file_that_is_wrong_as_a_whole_counts_as_absent_and_is_named(
    home: Home, name: str, content: str, message: str
) -> None:
    home.write(name, content)
    found = home.load()
    assert [str(problem).count("\n") for problem in found.problems] == [0]
    assert message in str(found.problems[0])
    assert str(found.problems[0]).startswith(str(home.agent / name))
    assert (home.agent / name).read_text() == content


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            {"retry": {"maxRetries": "3"}},
            "line 3, retry.maxRetries: must be a whole number (got a string). Write it as 3.",
        ),
        ({"retry": {"maxRetries": -1}}, "line 3, retry.maxRetries: must be at least 0. Write a larger number."),
        (
            {"fallback": {"quietSeconds": 1e308}},
            "fallback.quietSeconds: must be at most 2678400. Write a smaller number: 31 days are the longest.",
        ),
        ({"retry": 3}, 'line 2, retry: must be an object (got a number). Write it as {"name": …}.'),
        (
            {"fallback": {"quietSeconds": None}},
            "line 3, fallback.quietSeconds: must be a number (got null). Write it as 20.",
        ),
        (
            {"fallback": {"enabled": "yes"}},
            "line 3, fallback.enabled: must be true or false (got a string). Write it as true.",
        ),
        ({"fallback": {"prompt": ""}}, "must be a string that is not empty"),
        ({"enabledModels": ["a", 3]}, 'line 4, enabledModels[1]: must be a string (got a number). Write it as "text".'),
        ({"enabledModels": "a"}, 'line 2, enabledModels: must be a list (got a string). Write it as ["text"].'),
        ({"defaultThinkingLevel": "huge"}, "must be 'off', 'minimal', 'low', 'medium', 'high' or 'xhigh'"),
    ],
)
def test_a_wrong_setting_loses_only_itself(home: Home, content: dict[str, object], sentence: str) -> None:
    home.write("settings.json", {**content, "defaultModel": "kept"})
    found = home.load()
    assert sentence in str(found.problems[0])
    assert len(found.problems) == 1
    assert found.settings.default_model == "kept"


def test_a_wrong_provider_loses_only_itself(home: Home) -> None:
    home.write(
        "models.json",
        """{
  // mine
  "providers": {
    "bad": {"baseUrl": 3},
    "worse": {"baseUrl": "https://w", "models": [{"name": "no id"}]},
    "open": {"baseUrl": "http://host.example/v1"},
    "framed": {"baseUrl": "https://f", "headers": {"Content-Length": "7"}},
    "split": {"baseUrl": "https://f", "headers": {"x-a": "1\\r\\nx-b: 2"}},
    "foreign": {"baseUrl": "https://f", "api": "something-else"},
    "good": {"baseUrl": "https://good.example/v1/",},
  }
}""",
    )
    found = home.load()
    assert list(found.models.providers) == ["foreign", "good"]  # what is not spoken here is no mistake
    assert found.models.providers["good"].base_url == "https://good.example/v1"
    path = home.agent / "models.json"
    assert [str(problem) for problem in found.problems] == [
        f'{path}, line 4, providers.bad.baseUrl: must be a URL (got a number). Write it as "https://host/v1".',
        f'{path}, line 5, providers.worse.models[0]: "id" is missing. Add it.',
        f"{path}, line 6, providers.open.baseUrl: must use https, because plain http is for this machine only."
        ' Write it as "https://host/v1".',
        f"{path}, line 7, providers.framed.headers: must not hold Content-Length, which is set by the program itself."
        " Correct it.",
        f"{path}, line 8, providers.split.headers: must not hold line breaks or control characters (in x-a)."
        " Correct it.",
    ]


def test_a_wrong_account_loses_only_itself(home: Home) -> None:
    entries = {
        "a": {"type": "api_key", "key": 3},
        "b": {"type": SECRET},
        "c": SECRET,
        "d": {"type": "oauth", "refresh": SECRET},
        "e": {"type": "api_key", "key": SECRET},
        "f": {"key": SECRET},
    }
    home.write("auth.json", entries)
    found = home.load()
    assert list(found.auth.root) == ["e"]
    assert [problem.field for problem in found.problems] == ["a.key", "b", "c", "d", "f"]
    assert [problem.line for problem in found.problems] == [4, 6, 9, 10, 18]


@pytest.mark.parametrize("name", ["settings.json", "models.json", "auth.json"])
@pytest.mark.parametrize(
    "content",
    [
        f'{{"a": "{SECRET}" oops',
        f'"{SECRET}"',
        f'{{"openai": "{SECRET}"}}',
        f'{{"openai": {{"type": "{SECRET}", "key": ["{SECRET}"]}}}}',
        f'{{"openai": {{"type": "api_key", "key": ["{SECRET}"], "env": "{SECRET}"}}}}',
        f'{{"providers": {{"p": {{"baseUrl": "{SECRET}", "apiKey": ["{SECRET}"], "api": "{SECRET}"}}}}}}',
        f'{{"defaultThinkingLevel": "{SECRET}", "retry": "{SECRET}", "enabledModels": "{SECRET}"}}',
    ],
)
def test_nothing_that_is_said_of_a_file_holds_a_value_of_it(home: Home, name: str, content: str) -> None:
    home.write(name, content)
    found = home.load()
    said = repr(found.problems) + "".join(map(str, found.problems)) + "".join(found.notices)
    assert SECRET not in said


def test_a_configuration_does_not_print_keys(home: Home) -> None:
    home.write("auth.json", {"a": {"type": "api_key", "key": SECRET, "env": {"X": SECRET}}})
    home.write("models.json", {"providers": {"p": {"baseUrl": "https://p", "apiKey": SECRET}}})
    assert SECRET not in repr(home.load())


def test_a_key_that_nobody_reads_is_named_with_the_nearest_one_and_stays(home: Home) -> None:
    home.write("settings.json", {"retry": {"maxRetry": 3}, "enabledModel": ["a"], "frobnicate": 1})
    home.write(
        "models.json", {"providers": {"p": {"baseURL": "https://p", "models": [{"id": "m", "contextwindow": 1}]}}}
    )
    found = home.load()
    settings, models = found.notices
    assert "enabledModel (did you mean enabledModels?)" in settings
    assert "retry.maxRetry (did you mean maxRetries?)" in settings
    assert "frobnicate" in settings
    assert "providers.p.baseURL (did you mean baseUrl?)" in models
    assert "providers.p.models[0].contextwindow (did you mean contextWindow?)" in models
    assert thawed(found.settings_json["frobnicate"]) == 1


def test_a_trusted_project_goes_over_the_user_object_by_object(home: Home) -> None:
    home.write(
        "settings.json", {"retry": {"maxRetries": 9, "baseDelayMs": 5}, "enabledModels": ["a"], "defaultModel": "m"}
    )
    home.write(".pi/settings.json", {"retry": {"maxRetries": 1}, "enabledModels": ["b"], "mine": {"x": 1}})
    found = home.load(trusted=True)
    assert found.settings.retry.policy().max_retries == 1
    assert found.settings.retry.policy().base_delay_s == 0.005
    assert found.settings.enabled_models == ("b",)
    assert found.settings.default_model == "m"
    assert found.project_models is None
    assert thawed(found.settings_json["mine"]) == {"x": 1}


def test_before_trust_a_project_may_only_narrow_the_models_and_the_rest_is_named(home: Home) -> None:
    home.write("settings.json", {"enabledModels": ["a", "b"]})
    home.write(".pi/settings.json", {"enabledModels": ["b"], "defaultModel": "evil", "retry": {"enabled": False}})
    found = home.load(trusted=False)
    assert found.settings.enabled_models == ("a", "b")
    assert found.project_models == ("b",)
    assert found.settings.default_model is None
    assert found.settings.retry.enabled
    assert "defaultModel, retry" in found.notices[0]
    assert "evil" not in found.notices[0]


def test_a_strange_folder_with_a_broken_file_stops_nothing(home: Home) -> None:
    home.write(".pi/settings.json", "{ oops")
    assert home.load(trusted=False).problems == ()
    assert "is not valid JSON" in home.load(trusted=False).notices[0]
    assert "is not valid JSON" in str(home.load(trusted=True).problems[0])


def test_keys_and_endpoints_are_never_read_from_a_project(home: Home) -> None:
    home.write(".pi/models.json", {"providers": {"p": {"baseUrl": "https://evil.example"}}})
    home.write(".pi/auth.json", {"p": {"type": "api_key", "key": "!touch owned"}})
    found = home.load(trusted=True)
    assert not found.models.providers
    assert not found.auth.root


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, "/home/me/.pi/agent"),
        ("", "/home/me/.pi/agent"),
        ("/srv/agent", "/srv/agent"),
        ("~/agent", "/home/me/agent"),
        ("~", "/home/me"),
    ],
)
def test_the_agent_directory_is_where_the_environment_says(given: str | None, expected: str) -> None:
    environ = {} if given is None else {"PI_CODING_AGENT_DIR": given}
    assert agent_dir(environ, Path("/home/me")) == Path(expected)


def test_a_path_in_the_home_folder_is_written_with_a_tilde() -> None:
    problem = Problem(Path.home() / ".pi" / "agent" / "models.json", 3, "a.b", "is wrong", "Correct it.")
    assert str(problem) == "~/.pi/agent/models.json, line 3, a.b: is wrong. Correct it."
