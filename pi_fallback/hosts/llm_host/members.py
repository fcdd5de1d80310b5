"""Members: the models of llm behind a name, what they can take, and a prompt put to one of them."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import llm
from llm.models import AsyncConversation, Conversation
from pydantic import Field, ValidationError, create_model

from pi_fallback_hookspecs import Limits, Route

if TYPE_CHECKING:
    from llm.models import ModelWithAliases

AnyModel: TypeAlias = llm.Model | llm.KeyModel | llm.AsyncModel | llm.AsyncKeyModel
LIMITS = Limits()


class OwnOptions(llm.Options):
    """What the fallback itself can be told; everything else goes to the members that know it."""

    midstream: Literal["restart", "stop"] | None = Field(
        None, description="What to do when a model fails after text was shown: restart on the next one, or stop."
    )
    first_content: float | None = Field(
        None, ge=0, description=f"Seconds until the first content (default {LIMITS.first_content_s:g}, 0: off)."
    )
    quiet: float | None = Field(
        None, ge=0, description=f"Seconds that may pass between two pieces (default {LIMITS.quiet_s:g}, 0: off)."
    )
    total: float | None = Field(
        None, ge=0, description=f"Seconds that an answer may take (default {LIMITS.total_s:g}, 0: off)."
    )

    def limits(self) -> Limits:
        return Limits(
            first_content_s=LIMITS.first_content_s if self.first_content is None else self.first_content,
            quiet_s=LIMITS.quiet_s if self.quiet is None else self.quiet,
            total_s=LIMITS.total_s if self.total is None else self.total,
        )


def route_of(model: AnyModel) -> Route:
    """The route that stands for `model`. Models with one key of `llm keys` share an account."""
    return Route(model.needs_key or model.model_id, model.model_id)


def known(models: "Iterable[ModelWithAliases]", own: type) -> "dict[str, ModelWithAliases]":
    """Every model of llm by id and alias, as llm itself looks them up, without those of the kind `own`."""
    found: dict[str, ModelWithAliases] = {}
    for item in models:
        if item.model and not isinstance(item.model, own):
            found |= dict.fromkeys([*item.aliases, item.model.model_id], item)
    return found


class Members:
    """The models behind a name, best first. Found when they are first needed: others may register after us."""

    def __init__(self, names: Sequence[str], models: "Iterable[ModelWithAliases]", own: type) -> None:
        self._names = names
        self._all = models
        self._own = own

    @cached_property
    def _found(self) -> "list[ModelWithAliases]":
        everything = known(self._all, self._own)
        return [everything[name] for name in self._names if name in everything]

    @cached_property
    def sync(self) -> list[AnyModel]:
        return list(dict.fromkeys(item.model for item in self._found))

    @cached_property
    def asynchronous(self) -> list[AnyModel]:
        return list(dict.fromkeys(item.async_model for item in self._found if item.async_model))


def options_of(members: Sequence[AnyModel]) -> type[OwnOptions]:
    """Our options, and all that any member has."""
    fields: dict[str, Any] = {}
    for member in members:
        for name, field in member.Options.model_fields.items():
            if name not in OwnOptions.model_fields:
                fields.setdefault(name, (Any, Field(None, description=field.description)))
    return create_model("Options", __base__=OwnOptions, **fields)


def schema_of(prompt: llm.Prompt) -> dict[str, Any] | None:
    return cast("dict[str, Any] | None", vars(prompt)["schema"])  # a class was made a dict when the prompt was made


def unable(member: AnyModel, prompt: llm.Prompt) -> str | None:
    """Why `member` cannot take `prompt`; None if it can."""
    if schema_of(prompt) and not member.supports_schema:
        return "takes no schemas"
    if prompt.tools and not member.supports_tools:
        return "calls no tools"
    if not member.supports_conversation and any(message.role in ("assistant", "tool") for message in prompt.messages):
        return "takes no conversations"
    types = {attachment.resolve_type() for attachment in prompt.attachments}
    if missing := types - set(member.attachment_types):
        return f"takes no attachments of type {', '.join(sorted(map(str, missing)))}"
    try:
        _options_for(member, prompt)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        return f"takes no {'.'.join(map(str, first['loc']))} {first['input']}: {first['msg']}"
    return None


def prompt_for(member: AnyModel, prompt: llm.Prompt) -> llm.Prompt:
    """`prompt`, for `member`, with the options that it knows."""
    return llm.Prompt(
        prompt.prompt or None,
        member,
        attachments=prompt.attachments,
        system=prompt.system or None,
        schema=schema_of(prompt),
        tools=prompt.tools,
        tool_results=prompt.tool_results,
        messages=prompt.messages,
        options=_options_for(member, prompt),
        hide_reasoning=prompt.hide_reasoning,
    )


def _options_for(member: AnyModel, prompt: llm.Prompt) -> llm.Options:
    given = {name: value for name, value in prompt.options if value is not None}
    return member.Options(**{name: value for name, value in given.items() if name in member.Options.model_fields})


def history(member: AnyModel, conversation: Conversation | AsyncConversation | None) -> Any:
    """A copy of `conversation` for `member`: what it adds to that stays out of the real one."""
    if conversation is None:
        return None
    copy = type(conversation)(model=member, id=conversation.id, responses=list(conversation.responses))
    copy.loaded_messages = conversation.loaded_messages
    return copy
