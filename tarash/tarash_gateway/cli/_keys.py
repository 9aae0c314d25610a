"""`tarash keys`: makes, lists, rotates and revokes a server's keys in its ledger."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar, cast

import pydantic

from .._data._budgets import Budget
from ..exceptions import ValidationError
from ..ledger._contract import Ledger
from ..server._configuration import read_settings
from ..server._key_store import TOKEN, ApiKey, KeyScope, KeyStore, write_act
from ..server._words import rule_of
from . import _terminal as terminal
from ._errors import CommandError, Exit
from ._ledger import MEMORY, existing, opened, run_on, shown, url_of
from ._options import age_of

Result = TypeVar("Result")
Work = Callable[[KeyStore, Any], Awaitable[Result]]

PLACE = "the command line"
CONFIGURED = "configured:"


def create(ledger: str | None, config: Path | None, scope: dict[str, Any], *, as_json: bool) -> int:
    """Make a key, and show it.

    Raises:
        CommandError: An option says something that is none, or the ledger can't keep keys.
    """
    wanted = _scope(scope)
    where = _where(ledger, config)

    async def work(keys: KeyStore, states: Any) -> tuple[ApiKey, str]:
        made = await keys.create(wanted)
        await write_act(states, "key.created", made[0].id, address=PLACE)
        return made

    # A server that has not started yet has no ledger: the first key makes it.
    key, token = _run(opened(where), where, work)
    _print_key(key, token, as_json=as_json)
    return Exit.DONE


def list_all(ledger: str | None, config: Path | None, *, as_json: bool) -> int:
    """List all keys."""
    where = _where(ledger, config)

    async def work(keys: KeyStore, _states: Any) -> list[ApiKey]:
        return await keys.every()

    listed = _run(existing(where), where, work)
    if as_json:
        terminal.document([key.model_dump(mode="json") for key in listed])
        return Exit.DONE

    if not listed:
        terminal.hint(f"no keys in {shown(where)}; `tarash keys create NAME` makes one")
        return Exit.DONE

    table = terminal.plain_table("ID", "NAME", "MODELS", "BUDGET", "LIMITS", "CREATED", "EXPIRES")
    for key in listed:
        table.add_row(
            key.id,
            terminal.one_line(key.name),
            terminal.one_line(", ".join(key.models)),
            "" if key.budget is None else f"{key.budget.amount:f}/{key.budget.per}",
            _limits(key),
            f"{key.created_at:%Y-%m-%d}",
            "never" if key.expires_at is None else f"{key.expires_at:%Y-%m-%d %H:%M}",
        )

    terminal.show(table)
    return Exit.DONE


def rotate(ledger: str | None, config: Path | None, key_id: str, *, as_json: bool) -> int:
    """Give a key another secret, and show it.

    Raises:
        CommandError: There is no such key.
    """
    where = _where(ledger, config)
    _check_id(key_id)

    async def work(keys: KeyStore, states: Any) -> tuple[ApiKey, str] | None:
        made = await keys.rotate(key_id)
        if made is not None:
            await write_act(states, "key.rotated", key_id, address=PLACE)

        return made

    made = _run(existing(where), where, work)
    if made is None:
        raise _unknown(key_id, where)

    _print_key(*made, as_json=as_json)
    return Exit.DONE


def revoke(ledger: str | None, config: Path | None, key_id: str, *, as_json: bool) -> int:
    """Revoke a key.

    Raises:
        CommandError: There is no such key.
    """
    where = _where(ledger, config)
    _check_id(key_id)

    async def work(keys: KeyStore, states: Any) -> bool:
        is_gone = await keys.revoke(key_id)
        if is_gone:
            await write_act(states, "key.revoked", key_id, address=PLACE)

        return is_gone

    if not _run(existing(where), where, work):
        raise _unknown(key_id, where)

    if as_json:
        terminal.document({"id": key_id, "deleted": True})
    else:
        terminal.hint(f"{key_id} is revoked: every server on {shown(where)} refuses it from now on")

    return Exit.DONE


def _where(ledger: str | None, config: Path | None) -> str | None:
    """Return what `--ledger` would say.

    Raises:
        CommandError: The file can't be read, or the ledger ends with this command.
    """
    try:
        where = ledger or (None if config is None else read_settings(config).ledger)
    except ValidationError as error:
        raise CommandError(error.message) from None

    if url_of(where) == MEMORY:
        raise CommandError(
            "a ledger in memory ends with this command, and no server sees it; give --ledger "
            "sqlite:///jobs.db here and to `tarash serve`"
        )

    return where


def _scope(given: dict[str, Any]) -> KeyScope:
    """Return what a key is to be for.

    Raises:
        CommandError: An option says something that is none.
    """
    fields = {name: value for name, value in given.items() if value is not None}
    age = fields.pop("expires_in", None)
    if age is not None:
        fields["expires_at"] = datetime.now(UTC) + _age(age)

    if "budget" in fields:
        fields["budget"] = _budget(fields["budget"])

    try:
        return KeyScope.model_validate(fields)
    except pydantic.ValidationError as error:
        first: Any = error.errors(include_input=False)[0]
        option = str(first["loc"][0]) if first["loc"] else ""
        named = {"name": "NAME", "models": "--model"}
        shown_as = named.get(option, f"--{option.replace('_', '-')}")
        raise CommandError(f"{shown_as}: {rule_of(first)}") from None


def _budget(text: str) -> dict[str, Any]:
    try:
        budget = Budget.parse(text if "/" in text else f"{text}/total")
    except ValidationError as error:
        raise CommandError(f"--budget: {error.message}") from None

    if budget.label is not None:
        raise CommandError(f"--budget: {text!r} names a label; a key has one budget: 5/day")

    return {"amount": budget.amount, "per": budget.per}


def _age(text: str) -> timedelta:
    age = age_of(text, "--expires-in", "time")
    if not age:
        raise CommandError(f"--expires-in: {text!r} is no time; use 30d, 12h or 2w")

    return age


def _check_id(key_id: str) -> None:
    """Check that it is an id.

    Raises:
        CommandError: It is a whole key, or one of the configuration.
    """
    match = TOKEN.fullmatch(key_id)
    if match is not None:
        raise CommandError(
            "that is a whole key, which others can read from the command line: give its id, "
            f"{match[1]}, and rotate or revoke it, since it has been shown"
        )

    if key_id.startswith(CONFIGURED):
        raise CommandError(
            f"{key_id} stands in the server's configuration: change its variable, or take it out "
            "of the file, and start the server again"
        )


def _unknown(key_id: str, where: str | None) -> CommandError:
    return CommandError(
        f"there is no key {key_id!r} in {shown(where)}; `tarash keys list` shows their ids"
    )


def _limits(key: ApiKey) -> str:
    limits = (
        (key.in_flight, f"{key.in_flight} in flight"),
        (key.requests_per_minute, f"{key.requests_per_minute}/minute"),
        (key.allow_unpriced, "unpriced too"),
    )
    return ", ".join(text for value, text in limits if value)


def _print_key(key: ApiKey, token: str, *, as_json: bool) -> None:
    if as_json:
        terminal.document({**key.model_dump(mode="json"), "key": token})
        return

    terminal.result(token)
    terminal.hint(f"The key {key.id} ({key.name}), shown this once; the ledger keeps its hash.")


def _run(ledger: Ledger, where: str | None, work: Work[Result]) -> Result:
    if not getattr(ledger, "keeps_state", False):
        raise CommandError(f"{shown(where)} can't keep keys")

    return run_on(ledger, lambda used: work(KeyStore(cast("Any", used)), used))
