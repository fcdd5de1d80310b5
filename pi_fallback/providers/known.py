"""Known providers: their addresses, the variables that usually hold their keys, and a model to begin with.

Data only, as of November 2026, newest models first; the first is the provider's default. Any other
model that a provider serves is used by its name, so these lists need not be long.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import urlsplit

from pi_fallback.config.schema import endpoint
from pi_fallback_hookspecs import Limits, Model, ModelRef, Provider

Compat = Mapping[str, object]

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


def _provider(
    provider: str,
    name: str,
    base_url: str,
    *models: _Model,
    env: tuple[str, ...] = (),
    needs_key: bool = True,
    compat: Compat = _CLASSIC,
) -> Provider:
    return Provider(
        id=provider,
        base_url=base_url,
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
            )
            for model in models
        ),
        default_model=models[0].id,
        env=env,
        needs_key=needs_key,
        compat=compat,
    )


_MOONSHOT = (
    _Model("kimi-k2.7-code", 262_144, 131_072, images=True, compat=_NO_EFFORT),
    _Model(
        "kimi-k3.1-pro", 1_048_576, 131_072, images=True, compat={"requiresReasoningContentOnAssistantMessages": True}
    ),
)
_MOONSHOT_URL = "https://api.moonshot.ai/v1"

KNOWN: tuple[Provider, ...] = (
    _provider(
        "openai",
        "OpenAI",
        "https://api.openai.com/v1",
        # Models from gpt-5.6 on refuse tools in this dialect unless they are told not to think at all.
        _Model("gpt-5.4", 272_000, 128_000, images=True, compat=_NO_EFFORT),
        _Model("gpt-5.4-mini", 400_000, 128_000, images=True, compat=_NO_EFFORT),
        env=("OPENAI_API_KEY",),
        compat=_MODERN,
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

ADDRESS_VARIABLES: Mapping[str, str] = {"ollama": "OLLAMA_HOST", "lmstudio": "LM_STUDIO_API_BASE"}


class Known(NamedTuple):
    """The known providers at the addresses that the environment gives; `named` are those it gives one for."""

    providers: tuple[Provider, ...]
    named: tuple[str, ...]
    notices: tuple[str, ...]


def known_providers(environ: Mapping[str, str]) -> Known:
    """KNOWN, with local servers where OLLAMA_HOST and LM_STUDIO_API_BASE say they are."""
    moved = dict[str, Provider]()
    notices: list[str] = []
    for provider in KNOWN:
        variable = ADDRESS_VARIABLES.get(provider.id, "")
        if value := environ.get(variable, "").strip():
            try:
                moved[provider.id] = replace(provider, base_url=endpoint(_address(provider, value)))
            except ValueError as error:
                notices.append(f"{variable} is not used: its address {error}.")
    return Known(tuple(moved.get(provider.id, provider) for provider in KNOWN), tuple(moved), tuple(notices))


def _address(provider: Provider, value: str) -> str:
    """The base URL that `value` means, which is a URL, or host and port, or one of the two, as these programs take it.

    A server that listens on every address is reached on this machine.
    """
    usual = urlsplit(provider.base_url)
    try:
        given = urlsplit(value if "://" in value else f"http://{value}")
        port = given.port or (usual.port if "://" not in value else None)
    except ValueError:
        raise ValueError("is neither a URL nor host and port") from None
    if given.username is not None:
        raise ValueError("must be without user name")
    host = given.hostname or "localhost"
    host = "localhost" if host in ("0.0.0.0", "::") else host  # noqa: S104  # compared with, not bound to
    address = f"[{host}]" if ":" in host else host
    return f"{given.scheme}://{address}{f':{port}' if port else ''}{given.path.rstrip('/') or usual.path}"
