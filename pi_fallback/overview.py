"""The overview: every model with what it takes, what it costs, and why it cannot be used if it cannot."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from pi_fallback.core.clean import clean_line
from pi_fallback.core.patterns import is_glob
from pi_fallback.core.selection import remedy
from pi_fallback.credentials.accounts import NEEDS_LOGIN
from pi_fallback.preparing import Setup
from pi_fallback.prices import Facts
from pi_fallback.providers.known import ALIASES
from pi_fallback_hookspecs import Ledger, Model, ModelRef, Price, Provider, Resting

HEADER = ("MODEL", "WINDOW", "IN $", "OUT $", "TAKES", "THINKS", "USABLE")


@dataclass(frozen=True, slots=True)
class Row:
    """A model as people see it. `usable` without being in the pool: by its name. `why` says why not, or until when not.

    `is_listed`: it is there because its provider told of it; `is_shut`: there is an account, which does not open it.
    """

    model: Model
    price: Price | None
    usable: bool
    why: str = ""
    is_start: bool = False
    is_listed: bool = False
    is_in_pool: bool = False
    is_shut: bool = False


@dataclass(frozen=True, slots=True)
class Overview:
    """Makes rows of what is known; `clock` words a moment of the ledger's, which is read at `now`."""

    setup: Setup
    facts: Facts
    ledger: Ledger
    now: float
    clock: Callable[[float], str]

    def rows(self, words: Sequence[str] = (), *, everything: bool = False, listed: Iterable[Model] = ()) -> list[Row]:
        """The models of the pool in its order, then those of accounts that cannot be used.

        With `words` those that fit, also of what is left out of the pool and what providers have `listed` themselves;
        if none does, and with `everything`, also what there are no accounts for.
        """
        if everything:
            rows = self._all(listed)
        elif words:
            accounts = {account.provider for account in self.setup.accounts}
            fitting = [row for row in self._all(listed) if _fits(words, row)]
            rows = [row for row in fitting if row.model.ref.provider in accounts] or fitting
        else:
            rows = [row for row in self._all(()) if row.is_in_pool or row.is_shut]
        return [row for row in rows if _fits(words, row)]

    def _all(self, listed: Iterable[Model]) -> list[Row]:
        models, accounts = self.setup.catalog.models, {account.provider for account in self.setup.accounts}
        pool = dict.fromkeys(route.ref for route in self.setup.selection.order)
        rest = (ref for ref in models if ref not in pool and (ref.provider in accounts or ref.provider not in ALIASES))
        new = (model for model in listed if model.ref not in models)
        return [self._row(models[ref]) for ref in (*pool, *rest)] + [self._row(model, is_listed=True) for model in new]

    def _row(self, model: Model, *, is_listed: bool = False) -> Row:
        setup, ref = self.setup, model.ref
        provider, start = setup.catalog.providers[ref.provider], setup.selection.start
        is_in_pool = any(route.ref == ref for route in setup.selection.order)
        usable, why = True, self._why_closed(provider)
        is_shut = bool(why) and any(account.provider == provider.id for account in setup.accounts)
        if why:
            usable = False
        elif not is_in_pool:
            why = self._why_not_in_pool(model, is_listed=is_listed)
        elif (rest := self._rest(ref)) is not None:
            usable, why = False, f"rests until {self.clock(rest.until)}: {clean_line(rest.reason)}"
        return Row(
            model,
            model.price or self.facts(ref, provider).price,
            usable,
            why,
            is_start=start is not None and start.ref == ref,
            is_listed=is_listed,
            is_in_pool=is_in_pool,
            is_shut=is_shut,
        )

    def _why_closed(self, provider: Provider) -> str:
        setup = self.setup
        if provider.id in setup.catalog.closed:
            return setup.catalog.closed[provider.id].removesuffix(".")
        accounts = [account for account in setup.accounts if account.provider == provider.id]
        if any(account.unusable is None for account in accounts):
            return ""
        if accounts:
            return f"{accounts[0].unusable} ({accounts[0].found_in})"
        if provider.login:
            return NEEDS_LOGIN
        if not provider.needs_key:
            return f"nobody asked for it: name it in models.json or with --model {provider.id}/…"
        return f"no key: {remedy(setup.catalog, provider.id).removesuffix('.')}"

    def _why_not_in_pool(self, model: Model, *, is_listed: bool) -> str:
        setup = self.setup
        if not is_listed and (setup.options.models or setup.configuration.settings.enabled_models):
            return "by name only: not in enabledModels"
        if not is_listed and setup.configuration.project_models is not None:
            return "by name only: not in enabledModels of this folder"
        return "by name only" if model.tools else "by name only: calls no tools"

    def _rest(self, ref: ModelRef) -> Resting | None:
        """The rest that ends first, if every route of `ref` rests."""
        routes = [route for route in self.setup.selection.order if route.ref == ref]
        rests = [self.ledger.resting(route, now=self.now) for route in routes]
        found = [rest for rest in rests if rest is not None]
        return min(found, key=lambda rest: rest.until) if found and len(found) == len(rests) else None


def as_text(rows: Sequence[Row]) -> Iterator[str]:
    """The lines of a table."""
    table = [HEADER, *(tuple(map(clean_line, _cells(row))) for row in rows)]
    widths = [max(len(line[column]) for line in table) for column in range(len(HEADER))]
    for line in table:
        yield "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()


def as_json(rows: Sequence[Row]) -> str:
    return json.dumps([_record(row) for row in rows], indent=2, ensure_ascii=False)


def _fits(words: Sequence[str], row: Row) -> bool:
    text = str(row.model.ref).casefold()
    folded = (word.casefold() for word in words)
    return all(fnmatchcase(text, word) if is_glob(word) else word in text for word in folded)


def _cells(row: Row) -> tuple[str, ...]:
    model, price = row.model, row.price
    usable = ("yes, the start" if row.is_start else row.why or "yes") if row.usable else f"no: {row.why}"
    return (
        str(model.ref),
        _tokens(model.context_window),
        "?" if price is None else f"{price.input:g}",
        "?" if price is None else f"{price.output:g}",
        ", ".join(sorted(model.inputs, reverse=True)),
        "yes" if model.reasoning else "no",
        usable,
    )


def _tokens(count: int) -> str:
    return f"{count / 1_000_000:.3g}M" if count >= 1_000_000 else f"{count // 1000}k" if count >= 1000 else str(count)


def _record(row: Row) -> dict[str, object]:
    model, price = row.model, row.price
    cost = price and {
        "input": price.input,
        "output": price.output,
        "cacheRead": price.cache_read,
        "cacheWrite": price.cache_write,
    }
    return {
        "provider": model.ref.provider,
        "id": model.ref.id,
        "name": model.name,
        "contextWindow": model.context_window,
        "maxTokens": model.max_tokens,
        "cost": cost,
        "input": sorted(model.inputs, reverse=True),
        "reasoning": model.reasoning,
        "tools": model.tools,
        "usable": row.usable,
        "why": row.why,
        "start": row.is_start,
        "listed": row.is_listed,
    }
