"""Cycling: in which order other models are tried when one has failed."""

from collections.abc import Sequence

from pi_fallback_hookspecs import Ledger, ModelRef, Route, View


def cycle(
    pool: Sequence[ModelRef],
    current: ModelRef | None,
    ledger: Ledger,
    *,
    now: float,
    working_ttl_s: float,
    failed_cooldown_s: float,
) -> tuple[ModelRef, ...]:
    """Return the models of `pool` other than `current`, best first.

    First the one that worked last, if within `working_ttl_s`; then round robin from the one after
    `current`; last those that failed within `failed_cooldown_s`, oldest failure first.
    """
    ring = _from_after(pool, current)
    lately = {
        model: mark.at
        for model in ring
        if (mark := ledger.failures.get(model)) is not None and now - mark.at < failed_cooldown_s
    }
    fresh = [model for model in ring if model not in lately]
    worked = {
        model: at for model in fresh if (at := ledger.worked_at.get(model)) is not None and now - at <= working_ttl_s
    }
    last_working = max(worked, key=worked.__getitem__, default=None)
    if last_working is not None:
        fresh = [last_working, *(model for model in fresh if model != last_working)]
    return (*fresh, *sorted(lately, key=lately.__getitem__))


def _from_after(pool: Sequence[ModelRef], current: ModelRef | None) -> list[ModelRef]:
    models = list(dict.fromkeys(pool))
    if current is None or current not in models:
        return models
    here = models.index(current)
    return models[here + 1 :] + models[:here]


def routes_to(models: Sequence[ModelRef], view: View) -> tuple[Route, ...]:
    """Return the usable routes of `models`, in their order; a model whose routes all rest has none."""
    usable = [(route.ref, route) for route in view.order if view.usable(route)]
    return tuple(route for model in models for ref, route in usable if ref == model)
