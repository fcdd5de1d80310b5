"""Quirks: the keys of `compat` in models.json that each dialect reads, with what they change."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches

_EVERYWHERE: Mapping[str, str] = {
    "supportsStreaming": "false: ask for the whole answer at once",
}
_WITH_PREFILL: Mapping[str, str] = {
    **_EVERYWHERE,
    "supportsAssistantPrefill": "true: goes on from the beginning of its own answer, after a cut in the middle",
}

QUIRKS: Mapping[str, Mapping[str, str]] = {
    "openai-completions": {
        **_WITH_PREFILL,
        "requiresPrefixFlag": "true: the beginning of an answer is marked as one, as DeepSeek and Mistral want it",
        "maxTokensField": "the name of the output limit: `max_tokens` (default) or `max_completion_tokens`",
        "supportsUsageInStreaming": "false: do not ask for usage in a stream",
        "supportsReasoningEffort": "false: send no `reasoning_effort`",
        "requiresToolResultName": "true: a tool result bears the name of its tool",
        "requiresMistralToolIds": "true: ids of tool calls have nine letters and digits",
        "requiresReasoningContentOnAssistantMessages": "true: its own thoughts go back to it",
    },
    "openai-responses": {
        **_EVERYWHERE,
        "supportsInstructions": "false: the system prompt goes as a message of the developer",
        "requiresInstructions": "true: there are always instructions, if only a few words",
        "supportsMaxOutputTokens": "false: send no output limit",
        "supportsReasoningEffort": "false: send no effort",
        "reasoningEffortMap": "what a model calls each level of thinking; null leaves it out",
    },
    "anthropic-messages": {
        **_WITH_PREFILL,
        "thinking": "how it is asked to think: `adaptive` (default), `budget` (before Claude 4.6) or `none`",
        "thinkingOff": "how it is told not to think: `disabled` or `between_tools`; else by the least effort",
        "thinkingBlockBinding": "what becomes of thoughts whose beginning has changed, such as `drop_block`",
        "supportsReasoningEffort": "false: send no effort",
        "supportsXhighEffort": "false: `xhigh` becomes `high`",
        "supportsCacheControl": "false: send no marks for the prompt cache",
        "supportsEagerToolInputStreaming": "true: arguments of tools come as they are written",
    },
    "google-generative-ai": {
        **_WITH_PREFILL,
        "codeAssist": "true: the wire of Cloud Code Assist",
        "project": "the project that Cloud Code Assist asks for",
        "thinkingFormat": "`level` (from Gemini 3 on) or `budget` (Gemini 2)",
        "thinkingLevels": "the levels that it takes",
        "requiresThoughtSignatures": "true: refuses calls of this turn without a signature",
        "supportsToolCallIds": "false: its calls have no ids",
        "supportsImagesInToolResults": "false: images of results follow as the user's",
    },
}

_OF_PI = """
    allowEmptySignature allowedFallbackModels cacheControlFormat chatTemplateArgs chatTemplateKwargs
    deferredToolsMode forceAdaptiveThinking openRouterRouting reasoningEffortMap requiresAssistantAfterToolResult
    requiresThinkingAsText sendSessionAffinityHeaders sessionAffinityFormat supportsCacheControlOnTools
    supportsDeveloperRole supportsEagerToolInputStreaming supportsFinishReason supportsLongCacheRetention
    supportsMidConvoEffort supportsMidConvoSystemMessages supportsMidConvoToolChanges supportsOpenAIGrammarTools
    supportsStore supportsStrictMode supportsStrictTools supportsTemperature supportsThinkingTokenBudget
    thinkingFormat thinkingTokenBudgetField vercelGatewayRouting
"""
# Keys of pi's that nothing here reads. They are right as they are, so nobody is told of them.
OF_PI = frozenset(_OF_PI.split())


def unread(compat: Iterable[str], dialects: Iterable[str]) -> Iterator[str]:
    """Yield a phrase for each key of `compat` that none of `dialects` reads and pi does not know either."""
    known = {name for dialect in dialects for name in QUIRKS.get(dialect, ())}
    for key in compat:
        if key not in known and key not in OF_PI:
            near = get_close_matches(key, known, n=1)
            yield f"{key} (did you mean {near[0]}?)" if near else key
