"""Two providers: a gateway that is nothing but data, and a rehearsal that speaks its own wire."""

from collections.abc import Sequence

from pi_fallback_acme.rehearsal import rehearse
from pi_fallback_hookspecs import Limits, Model, ModelRef, Provider, hookimpl

SMALL = Model(ModelRef("acme", "acme-small"), context_window=32_000, max_tokens=4_096)
LARGE = Model(
    ModelRef("acme", "acme-large"),
    context_window=200_000,
    inputs=frozenset({"text", "image"}),
    reasoning=True,
    limits=Limits(first_content_s=300.0),  # it thinks in silence
)
GATEWAY = Provider(
    id="acme",
    name="Acme gateway",
    base_url="https://llm.acme.example/v1",
    dialect="openai-completions",
    models=(LARGE, SMALL),
    default_model="acme-large",
    env=("ACME_API_KEY",),
    headers={"x-acme-team": "agents"},
)
REHEARSAL = Provider(
    id="rehearsal",
    name="Rehearsal (no network)",
    models=(Model(ModelRef("rehearsal", "echo"), tools=False),),
    default_model="echo",
    needs_key=False,
    stream=rehearse,
)


@hookimpl
def register_providers() -> Sequence[Provider]:
    return [GATEWAY, REHEARSAL]
