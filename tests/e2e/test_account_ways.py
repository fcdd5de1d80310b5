"""A key and a login at one provider, over a real socket: each is sent as what it is."""

from pi_fallback.testing import For, Ok, Status, running_fault_server
from tests.e2e.user import User

KEY, LOGIN = "sk-ant-api03-primary-0", "sk-ant-oat01-backup-11"


def test_a_spent_key_of_anthropic_is_followed_by_a_login_of_anthropic(user: User) -> None:
    with running_fault_server({For(key=KEY): Status(429), For(key=LOGIN): Ok("From the login.")}) as server:
        user.write("models.json", {"providers": {"anthropic": {"baseUrl": server.origin}}})
        user.write("auth.json", {"anthropic": {"type": "api_key", "key": KEY}})
        login = {"type": "oauth", "access": LOGIN, "expires": 4e15}
        user.write("ha.json", {"credentials": {"anthropic": {"backup-1": login}}})
        user.settings("anthropic/claude-haiku-5-5")
        assert user.run("-p", "hello").out == "From the login.\n"
        first, second = server.requests
        assert first.headers["x-api-key"] == KEY
        assert "authorization" not in first.headers
        assert "anthropic-beta" not in first.headers
        assert second.headers["authorization"] == f"Bearer {LOGIN}"
        assert "oauth-2025-04-20" in second.headers["anthropic-beta"]
        assert "x-api-key" not in second.headers
        assert server.violations == ()
