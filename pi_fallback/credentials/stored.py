"""Stored accounts: those that ha.json adds to the one that auth.json, models.json or the environment has."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import count
from pathlib import PurePath

from pi_fallback.config.problems import Problem
from pi_fallback.config.schema import AuthEntry
from pi_fallback.credentials.accounts import PRIMARY, Account, Found, Opens, as_it_is, keyless, stored_account
from pi_fallback.credentials.sources import Literal, Login, Variable
from pi_fallback_hookspecs import Provider

WHERE, ACTIVE = "ha.json", "auth.json"
Stored = Mapping[str, Mapping[str, AuthEntry]]
"""Entries by provider and label."""


def joined(
    base: Found,
    stored: Stored,
    providers: Mapping[str, Provider],
    environ: Mapping[str, str],
    *,
    wall: float,
    opens: Opens = as_it_is,
    closed: Mapping[str, str],
    address_variables: Mapping[str, Sequence[str]],
) -> Found:
    """`base` with the accounts of `stored`; a provider's accounts stand together.

    An account of both is one account: it bears the label that it is stored under, and has the secret of `base`, which
    may be newer. One that is not stored is `primary`, or the lowest `backup-N` that is free. What auth.json has is the
    active one and comes first; so does what both have.
    """
    by_provider: dict[str, list[Account]] = {account.provider: [account] for account in base.accounts}
    notices, problems = list(base.notices), list(base.problems)
    for name, entries in stored.items():
        provider = providers.get(name)
        if provider is None:
            notices.append(f"ha.json has accounts for {name}, which is no provider that is known here.")
            continue
        found: list[Account] = []
        for label, entry in entries.items():
            made = stored_account(
                provider,
                label,
                entry,
                WHERE,
                environ,
                wall=wall,
                opens=opens,
                closed=closed.get(name, ""),
                variables=address_variables.get(name, ()),
            )
            field = f"credentials.{name}.{label}"
            if made is None:
                problems += [problem] if (problem := keyless(entry, WHERE, field)) else []
                continue
            account, why = made
            found.append(replace(account, stored=True))
            if why is not None:
                field += ".access" if entry.type == "oauth" else ".key"
                problems.append(Problem(PurePath(WHERE), None, field, *why))
        by_provider[name] = _merged(by_provider.get(name, []), found, environ)
    accounts = tuple(account for group in by_provider.values() for account in group)
    return Found(accounts, tuple(notices), tuple(problems))


def _merged(base: Sequence[Account], found: Sequence[Account], environ: Mapping[str, str]) -> list[Account]:
    result = list(found)
    for account in base:
        if account.kind == "none" and found:
            continue  # no key is needed, but there are some
        same = next((other for other in found if _same(account, other, environ)), None)
        if same is not None:
            result.remove(same)
            result.insert(0, replace(account, label=same.label, stored=True))
        elif PRIMARY not in {other.label for other in found}:
            result.insert(0, account)
        else:
            named = replace(account, label=free_label(other.label for other in result))
            result.insert(0 if account.found_in == ACTIVE else len(result), named)
    return result


def free_label(taken: Iterable[str]) -> str:
    """The lowest `backup-N` that is not taken."""
    labels = set(taken)
    return next(label for n in count(1) if (label := f"backup-{n}") not in labels)


def _same(one: Account, other: Account, environ: Mapping[str, str]) -> bool:
    secret = _secret(one, environ)
    return one.source == other.source or (secret is not None and secret == _secret(other, environ))


def _secret(account: Account, environ: Mapping[str, str]) -> str | None:
    """What is known of the secret without running anything."""
    match account.source:
        case Literal(value):
            return value
        case Variable(name, own):
            return own or environ.get(name)
        case Login(access, _):
            return access
        case _:
            return None
