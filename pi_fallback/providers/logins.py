"""Logins of the known providers: where one logs in, and where that is not for us.

A client id is here only if its owner lets other programs use it. Data only, as of November 2026.
"""

from collections.abc import Mapping

from pi_fallback_hookspecs import OAuthEndpoints

LOGINS: Mapping[str, OAuthEndpoints] = {
    # The client of the Codex CLI, which is open source; OpenAI lets other agents log in with it.
    "openai-codex": OAuthEndpoints(
        token_url="https://auth.openai.com/oauth/token",  # noqa: S106
        client_id="app_EMoamEEZ73f0CkXaXp7hrann",
        authorize_url="https://auth.openai.com/oauth/authorize",
        scopes=("openid", "profile", "email", "offline_access"),
        redirect="http://localhost:1455/auth/callback",
        params={"id_token_add_organizations": "true", "codex_cli_simplified_flow": "true", "originator": "pi"},
        claims={"accountId": ("https://api.openai.com/auth", "chatgpt_account_id")},
        account_headers={"chatgpt-account-id": "accountId"},
    ),
    # The device flow of github.com is everybody's, with a client of their own. A login that pi has made is renewed.
    "github-copilot": OAuthEndpoints(
        token_url="https://github.com/login/oauth/access_token",  # noqa: S106
        device_url="https://github.com/login/device/code",
        exchange_url="https://api.github.com/copilot_internal/v2/token",
        scopes=("read:user",),
        headers={
            "copilot-integration-id": "vscode-chat",
            "editor-plugin-version": "copilot-chat/0.35.0",
            "editor-version": "vscode/1.107.0",
        },
        account_domain=("enterpriseUrl", "github.com"),
    ),
}

OWN_CLIENT = 'To log in as a client of your own, give it "oauth" in models.json.'

NOT_OURS: Mapping[str, str] = {
    # https://code.claude.com/docs/en/legal-and-compliance
    "anthropic": f"Anthropic lets only programs of its own log in with a Claude plan: use an API key. {OWN_CLIENT}",
    # https://github.com/orgs/community/discussions/178117: the one client that is known to work is that of VS Code
    "github-copilot": f"GitHub lets only programs of its own log in to Copilot: a login of pi is renewed. {OWN_CLIENT}",
    # https://geminicli.com/docs/resources/tos-privacy
    "google-gemini-cli": f"Google lets only Gemini CLI log in there: use google with an API key. {OWN_CLIENT}",
}
"""Why one cannot log in to a provider that has logins, as it comes."""
