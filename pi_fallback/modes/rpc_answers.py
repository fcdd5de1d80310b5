"""What the line protocol tells about an agent: its state, statistics, models and commands as JSON."""

from collections.abc import Mapping, Sequence

from pi_fallback.runtime.codec import JsonObject, usage_to_json
from pi_fallback_hookspecs import (
    AssistantMessage,
    Command,
    Message,
    Model,
    ModelRef,
    Provider,
    ToolResultMessage,
    Usage,
    UserMessage,
    View,
)


def model_json(ref: ModelRef, catalog: Mapping[ModelRef, Model], providers: Mapping[str, Provider]) -> JsonObject:
    """Return the model `ref` in pi's fields."""
    model = catalog.get(ref) or Model(ref)
    provider = providers.get(ref.provider) or Provider(ref.provider)
    return {
        "id": ref.id,
        "name": model.name or ref.id,
        "provider": ref.provider,
        "api": provider.dialect,
        "baseUrl": provider.base_url,
        "reasoning": model.reasoning,
        "input": sorted(model.inputs, reverse=True),  # text before image, as pi has it
        "contextWindow": model.context_window,
        "maxTokens": model.max_tokens,
    }


def commands_json(commands: Mapping[str, Command]) -> list[JsonObject]:
    return [
        {"name": command.name, "description": command.description, "argument": command.argument, "source": "extension"}
        for command in commands.values()
    ]


def next_model(view: View) -> ModelRef | None:
    """Return the next usable model of the pool after the current one, or None if there is no other."""
    models = view.models
    here = models.index(view.current.ref) if view.current is not None and view.current.ref in models else -1
    others = (*models[here + 1 :], *models[: max(here, 0)])
    return next((ref for ref in others if any(view.usable(route) for route in view.routes_of(ref))), None)


def last_text(messages: Sequence[Message]) -> str | None:
    """Return the text of the last answer that has one."""
    answers = (message for message in reversed(messages) if isinstance(message, AssistantMessage))
    return next((answer.text for answer in answers if answer.text), None)


def stats_json(messages: Sequence[Message]) -> JsonObject:
    answers = [message for message in messages if isinstance(message, AssistantMessage)]
    usages = [answer.usage for answer in answers]
    total = Usage(
        sum(usage.input for usage in usages),
        sum(usage.output for usage in usages),
        sum(usage.cache_read for usage in usages),
        sum(usage.cache_write for usage in usages),
        sum(usage.reasoning for usage in usages),
    )
    return {
        "userMessages": sum(isinstance(message, UserMessage) for message in messages),
        "assistantMessages": len(answers),
        "toolCalls": sum(len(answer.tool_calls) for answer in answers),
        "toolResults": sum(isinstance(message, ToolResultMessage) for message in messages),
        "totalMessages": len(messages),
        "tokens": {**usage_to_json(total), "total": total.total},
    }
