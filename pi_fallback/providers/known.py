"""Known providers: their addresses, the variables that usually hold their keys, and a model to begin with.

Data only, as of November 2026, newest models first; the first is the provider's default. Any other
model that a provider serves is used by its name, so these lists need not be long.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

from pi_fallback.providers.logins import LOGINS
from pi_fallback_hookspecs import Limits, Model, ModelRef, Provider

Compat = Mapping[str, object]

_COMPLETIONS, _RESPONSES = "openai-completions", "openai-responses"
_ANTHROPIC, _GOOGLE = "anthropic-messages", "google-generative-ai"

_CLASSIC: Compat = {"maxTokensField": "max_tokens"}
_MODERN: Compat = {"maxTokensField": "max_completion_tokens"}
_NO_EFFORT: Compat = {"supportsReasoningEffort": False}
_ECHO_THINKING: Compat = {"requiresReasoningContentOnAssistantMessages": True}
_SILENT = Limits(first_content_s=300.0)  # for models that stream nothing while they think


class _Model(NamedTuple):
    id: str
    window: int
    output: int
    images: bool = False
    reasoning: bool = True
    limits: Limits = Limits()
    compat: Compat = MappingProxyType({})
    dialect: str = ""


def _provider(
    provider: str,
    name: str,
    base_url: str,
    *models: _Model,
    env: tuple[str, ...] = (),
    needs_key: bool = True,
    compat: Compat | None = None,
    dialect: str = _COMPLETIONS,
    headers: Mapping[str, str] = MappingProxyType({}),
    auth: Literal["", "bearer", "api-key"] = "",
    login: Literal["", "oauth"] = "",
) -> Provider:
    if compat is None:
        compat = _CLASSIC if dialect == _COMPLETIONS else {}
    return Provider(
        id=provider,
        base_url=base_url,
        dialect=dialect,
        name=name,
        models=tuple(
            Model(
                ref=ModelRef(provider, model.id),
                context_window=model.window,
                max_tokens=model.output,
                inputs=frozenset({"text", "image"} if model.images else {"text"}),
                reasoning=model.reasoning,
                limits=model.limits,
                compat=model.compat,
                dialect=model.dialect,
            )
            for model in models
        ),
        default_model=models[0].id,
        env=env,
        needs_key=needs_key,
        headers=headers,
        compat=compat,
        auth=auth,
        login=login,
        oauth=LOGINS.get(provider),
    )


_MOONSHOT = (
    _Model("kimi-k2.7-code", 262_144, 131_072, images=True, compat=_NO_EFFORT),
    _Model(
        "kimi-k3.1-pro", 1_048_576, 131_072, images=True, compat={"requiresReasoningContentOnAssistantMessages": True}
    ),
)
_MOONSHOT_URL = "https://api.moonshot.ai/v1"

# Beyond 272,000 tokens of input OpenAI asks twice the price for the whole request, so that is where ours end.
_GPT_WINDOW = 272_000
_NO_LESS_THAN_LOW: Compat = {"reasoningEffortMap": {"off": "low", "minimal": "low", "xhigh": "xhigh"}}
_FROM_NONE: Compat = {"reasoningEffortMap": {"off": "none", "minimal": "low", "xhigh": "xhigh"}}
_GPT = (
    _Model("gpt-6.2-sol", _GPT_WINDOW, 128_000, images=True, limits=_SILENT, compat=_NO_LESS_THAN_LOW),
    _Model("gpt-6.2-astra", _GPT_WINDOW, 128_000, images=True, limits=_SILENT, compat=_NO_LESS_THAN_LOW),
    _Model("gpt-6.1-terra", _GPT_WINDOW, 128_000, images=True, limits=_SILENT, compat=_FROM_NONE),
    _Model("gpt-6-luna", _GPT_WINDOW, 128_000, images=True, limits=_SILENT, compat=_FROM_NONE),
)
_GEMINI = (
    _Model("gemini-4-argon", 1_048_576, 65_536, images=True, limits=_SILENT),
    _Model("gemini-3.8-flash", 1_048_576, 65_536, images=True),
)

KNOWN: tuple[Provider, ...] = (
    _provider(
        "anthropic",
        "Anthropic",
        "https://api.anthropic.com",
        _Model("claude-opus-5-5", 1_000_000, 128_000, images=True, limits=_SILENT),
        _Model("claude-fable-5-2", 1_000_000, 128_000, images=True, limits=_SILENT),
        _Model(
            "claude-sonnet-5-5",
            1_000_000,
            128_000,
            images=True,
            limits=_SILENT,
            compat={"thinkingOff": "between_tools"},
        ),
        _Model("claude-haiku-5-5", 1_000_000, 128_000, images=True, limits=_SILENT, compat={"thinkingOff": "disabled"}),
        env=("ANTHROPIC_API_KEY",),
        dialect=_ANTHROPIC,
        # Else a long argument is held back until it is whole, a silence that the quiet limit takes for a stall.
        compat={"supportsEagerToolInputStreaming": True},
    ),
    _provider(
        "openai",
        "OpenAI",
        "https://api.openai.com/v1",
        *_GPT,
        env=("OPENAI_API_KEY",),
        dialect=_RESPONSES,  # from gpt-5.6 on its models call tools in no other one, unless they do not think
    ),
    _provider(
        "openai-codex",
        "ChatGPT (Codex)",
        "https://chatgpt.com/backend-api/codex",
        _Model("gpt-6.1-sol", _GPT_WINDOW, 128_000, images=True, limits=_SILENT, compat=_NO_LESS_THAN_LOW),
        _Model("gpt-6.1-terra", _GPT_WINDOW, 128_000, images=True, limits=_SILENT, compat=_NO_LESS_THAN_LOW),
        _Model("gpt-5.6-sol", _GPT_WINDOW, 128_000, images=True, limits=_SILENT, compat=_NO_LESS_THAN_LOW),
        dialect=_RESPONSES,
        headers={"openai-beta": "responses=experimental", "originator": "pi"},
        compat={"supportsMaxOutputTokens": False, "requiresInstructions": True},
        login="oauth",
    ),
    _provider(
        "google",
        "Google Gemini",
        "https://generativelanguage.googleapis.com/v1beta",
        *_GEMINI,
        env=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        dialect=_GOOGLE,
    ),
    _provider(
        "google-gemini-cli",
        "Google Cloud Code Assist",
        "https://cloudcode-pa.googleapis.com",
        _Model("gemini-3.8-flash", 1_048_576, 65_536, images=True),
        _Model("gemini-3-pro-preview", 1_048_576, 65_536, images=True),
        dialect=_GOOGLE,
        compat={"codeAssist": True},
        auth="bearer",
        login="oauth",
    ),
    _provider(
        "google-vertex",
        "Google Vertex AI",
        "https://aiplatform.googleapis.com/v1/publishers/google",
        *_GEMINI,
        env=("GOOGLE_CLOUD_API_KEY",),
        dialect=_GOOGLE,
    ),
    _provider(
        "github-copilot",
        "GitHub Copilot",
        "https://api.individual.githubcopilot.com",
        # Its models see images only with a header that must be absent without one, so they are not sent any.
        _Model("claude-opus-5.5", 264_000, 64_000, limits=_SILENT, dialect=_ANTHROPIC),
        _Model("claude-sonnet-5.5", 264_000, 64_000, limits=_SILENT, dialect=_ANTHROPIC),
        _Model("gpt-6.1-sol", _GPT_WINDOW, 128_000, limits=_SILENT, compat=_NO_LESS_THAN_LOW, dialect=_RESPONSES),
        _Model("gemini-3.8-flash", 265_536, 64_000, compat=_NO_EFFORT),
        headers={
            "copilot-integration-id": "vscode-chat",
            "editor-plugin-version": "copilot-chat/0.35.0",
            "editor-version": "vscode/1.107.0",
            "openai-intent": "conversation-edits",
        },
        auth="bearer",
        login="oauth",
    ),
    # A resource has its own address, and its deployments are called as their owner likes.
    _provider(
        "azure-openai",
        "Azure OpenAI",
        "",
        *_GPT,
        env=("AZURE_OPENAI_API_KEY",),
        dialect=_RESPONSES,
        auth="api-key",
    ),
    # The same under the name that pi has for it.
    _provider("azure-openai-responses", "Azure OpenAI", "", *_GPT, dialect=_RESPONSES, auth="api-key"),
    _provider(
        "amazon-bedrock",
        "Amazon Bedrock",
        "https://bedrock-runtime.us-east-1.amazonaws.com/openai/v1",
        _Model(
            "global.openai.gpt-6.1-sol",
            _GPT_WINDOW,
            128_000,
            images=True,
            limits=_SILENT,
            compat=_NO_LESS_THAN_LOW,
            dialect=_RESPONSES,
        ),
        _Model("global.moonshotai.kimi-k3", 1_000_000, 131_072, compat=_NO_EFFORT),
        _Model("global.zai.glm-5.3", 1_000_000, 131_072, compat=_NO_EFFORT),
        env=("AWS_BEARER_TOKEN_BEDROCK",),
    ),
    _provider(
        "openrouter",
        "OpenRouter",
        "https://openrouter.ai/api/v1",
        _Model("moonshotai/kimi-k2.7-code", 262_144, 131_072, images=True),
        _Model("z-ai/glm-5.3", 1_048_576, 131_072),
        _Model("deepseek/deepseek-v4-pro", 1_024_000, 131_072),
        env=("OPENROUTER_API_KEY",),
    ),
    _provider(
        "groq",
        "Groq",
        "https://api.groq.com/openai/v1",
        _Model("openai/gpt-oss-120b", 131_072, 65_536),
        _Model("qwen/qwen3.8-27b", 131_072, 16_384, images=True),
        env=("GROQ_API_KEY",),
        compat=_MODERN,
    ),
    _provider(
        "deepseek",
        "DeepSeek",
        "https://api.deepseek.com",
        _Model("deepseek-v4-pro", 1_000_000, 131_072),
        _Model("deepseek-flash", 1_000_000, 131_072, images=True),
        env=("DEEPSEEK_API_KEY",),
        compat={**_CLASSIC, **_ECHO_THINKING},
    ),
    _provider(
        "mistral",
        "Mistral",
        "https://api.mistral.ai/v1",
        _Model("devstral-medium-latest", 262_144, 131_072, reasoning=False),
        _Model("mistral-medium-latest", 262_144, 131_072, images=True, compat=_NO_EFFORT),
        env=("MISTRAL_API_KEY",),
        compat={**_CLASSIC, "requiresToolResultName": True, "requiresMistralToolIds": True},
    ),
    _provider(
        "xai",
        "xAI",
        "https://api.x.ai/v1",
        _Model("grok-4.7", 500_000, 131_072, images=True, limits=_SILENT, compat=_NO_EFFORT),
        env=("XAI_API_KEY",),
        compat=_MODERN,
    ),
    _provider("moonshot", "Moonshot AI", _MOONSHOT_URL, *_MOONSHOT, env=("MOONSHOT_API_KEY",)),
    # The same under the name that pi's auth.json has for it.
    _provider("moonshotai", "Moonshot AI", _MOONSHOT_URL, *_MOONSHOT),
    _provider(
        "zai",
        "Z.ai (coding plan)",
        "https://api.z.ai/api/coding/paas/v4",
        _Model("glm-5.3", 1_000_000, 131_072),
        _Model("glm-5.3-flash", 1_000_000, 131_072, images=True),
        env=("ZAI_API_KEY",),
    ),
    _provider(
        "cerebras",
        "Cerebras",
        "https://api.cerebras.ai/v1",
        _Model("gpt-oss-120b", 131_072, 40_960),
        _Model("qwen-3.8-27b", 131_072, 40_960, images=True),
        env=("CEREBRAS_API_KEY",),
        compat=_MODERN,
    ),
    _provider(
        "together",
        "Together AI",
        "https://api.together.ai/v1",
        _Model("moonshotai/Kimi-K3", 1_048_576, 131_072, images=True),
        _Model("zai-org/GLM-5.3", 1_048_575, 131_072),
        env=("TOGETHER_API_KEY",),
        compat={**_CLASSIC, **_NO_EFFORT},
    ),
    _provider(
        "fireworks",
        "Fireworks AI",
        "https://api.fireworks.ai/inference/v1",
        _Model("accounts/fireworks/models/kimi-k3", 1_048_576, 131_072, images=True),
        _Model("accounts/fireworks/models/glm-5p3", 1_048_573, 131_072),
        env=("FIREWORKS_API_KEY",),
    ),
    _provider(
        "huggingface",
        "Hugging Face",
        "https://router.huggingface.co/v1",
        _Model("moonshotai/Kimi-K2.7-Code", 262_144, 131_072, images=True),
        _Model("zai-org/GLM-5.3", 1_048_576, 131_072),
        env=("HF_TOKEN",),
    ),
    _provider(
        "nvidia",
        "NVIDIA NIM",
        "https://integrate.api.nvidia.com/v1",
        _Model("nvidia/nemotron-3.5-super-vl-120b-a12b", 1_048_576, 8_192, images=True),
        _Model("z-ai/glm-5.3-flash", 1_000_000, 131_072, images=True),
        env=("NVIDIA_API_KEY",),
        compat={**_CLASSIC, **_NO_EFFORT},
    ),
    _provider(
        "pollinations",
        "Pollinations",
        "https://gen.pollinations.ai/v1",
        _Model("openai", 128_000, 16_384, images=True, reasoning=False),
        env=("POLLINATIONS_API_KEY",),
        needs_key=False,
    ),
    _provider(
        "ollama",
        "Ollama",
        "http://localhost:11434/v1",
        # What a local server really holds is its own setting; this is what it should be given for coding.
        _Model("gpt-oss:20b", 32_768, 16_384),
        needs_key=False,
    ),
    _provider(
        "lmstudio",
        "LM Studio",
        "http://localhost:1234/v1",
        _Model("openai/gpt-oss-20b", 32_768, 16_384),
        env=("LM_STUDIO_API_KEY",),
        needs_key=False,
    ),
)

LISTS_NOTHING = frozenset({"amazon-bedrock", "google-gemini-cli", "google-vertex", "openai-codex"})
"""Providers that have no list of models at their address."""

ALIASES = frozenset({"azure-openai-responses", "moonshotai"})
"""Second names of providers, which pi's files have."""
