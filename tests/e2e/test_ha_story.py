"""A story of high availability: four accounts at three providers, one trouble after another, and the way back."""

from pi_fallback.testing import For, Ok, Status, ToolCallScript, running_fault_server
from tests.e2e.user import User

OVERLOADED = Status(529, body={"error": {"message": "Overloaded", "type": "overloaded_error"}})
SPENT = Status(429, headers={"retry-after": "2"}, body={"error": {"message": "spent", "code": "insufficient_quota"}})
LONG = Status(429, headers={"retry-after": "7200"})
K0, K1, B0, C0 = "sk-a-primary-000", "sk-a-backup-1111", "sk-b-primary-000", "sk-c-primary-000"


def test_two_spent_accounts_a_full_model_and_a_long_limit_then_the_way_back(user: User) -> None:
    count = ToolCallScript("bash", {"command": "echo once >> counter"})
    with (
        running_fault_server({For(key=K0): [SPENT, Ok("A is back.")], For(key=K1): SPENT}) as a,
        running_fault_server({For(key=B0): [Ok("I count.", tools=[count]), OVERLOADED]}) as b,
        running_fault_server({For(key=C0): [Ok("Counted."), LONG]}) as c,
    ):
        servers = {"a": a, "b": b, "c": c}
        providers = {name: {"baseUrl": s.base_url, "models": [{"id": name.upper()}]} for name, s in servers.items()}
        user.write("models.json", {"providers": providers})
        auth = user.write("auth.json", {"a": {"type": "api_key", "key": K0}, "c": {"type": "api_key", "key": C0}})
        settings = user.settings(defaultProvider="a", defaultModel="A")
        files = {path: path.read_bytes() for path in (auth, settings)}
        credentials = {
            "a": {"primary": {"type": "api_key", "key": K0}, "backup-1": {"type": "api_key", "key": K1}},
            "b": {"primary": {"type": "api_key", "key": B0}},
        }
        entries = [{"id": "a/A"}, {"id": "b/B", "cooldownMs": 60_000}, {"id": "c"}]
        user.write(
            "ha.json",
            {
                "groups": {"g": {"entries": entries}},
                "whenExhausted": "wait",
                "credentials": credentials,
                "errorHandling": {"capacityErrorAction": "next_provider"},
            },
        )
        done = user.run("-y", "-p", "count")
        assert (done.code, done.out) == (0, "Counted.\n")
        assert [[request.key for request in server.requests] for server in servers.values()] == [
            [K0, K1],
            [B0, B0],
            [C0],
        ]
        assert (user.folder / "counter").read_text() == "once\n"
        again = user.run("-c", "-p", "and again?")
        assert (again.code, again.out) == (0, "A is back.\n")
        assert [request.key for request in a.requests] == [K0, K1, K0]
        for request in (*a.requests, *b.requests, *c.requests):
            said = [message["content"] for message in request.messages if message["role"] == "user"]
            assert said in (["count"], ["count", "and again?"])
        assert {path: path.read_bytes() for path in files} == files
        for server in servers.values():
            assert server.violations == ()
