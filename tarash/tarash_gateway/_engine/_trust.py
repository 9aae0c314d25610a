"""Refuses operations that lead elsewhere: they may come from a token, a queue or a file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from .._http._urls import is_trusted
from ..exceptions import ValidationError

if TYPE_CHECKING:
    from .._data._exchange import Operation
    from .._http._credentials import Credentials

LONGEST_ID = 512
URL = re.compile(r"\s*([a-z][a-z0-9+.-]*:)?[/\\]{2}", re.IGNORECASE)
"""What some library might take for an address: also without a scheme, or with backslashes."""
PLAIN = re.compile(r"[!-\[\]-~]*")
"""Printable ASCII without a backslash: libraries agree on where such an address leads."""
NO_CHARACTER = "\ufffd"
"""What stands in the place of something that could not be read."""
NO_NAMES = frozenset({"", ".", ".."})
"""Parts of a path that lead to another one."""


def is_id(name: str) -> bool:
    """Tell whether a job's id can be asked after: adapters quote it, so that it names a job only.

    Whatever a provider has accepted a job under has to be good for asking after it.
    """
    fits = 0 < len(name) <= LONGEST_ID and name.isprintable() and NO_CHARACTER not in name
    # As a server might read it that takes quotes away twice, or a backslash for a slash.
    read = unquote(name).replace("\\", "/")
    return fits and not NO_NAMES.intersection([*name.split("/"), *read.split("/")])


def check_operation(operation: Operation, account: Credentials, needs: Iterable[str] = ()) -> None:
    """Return if every address in an operation is the provider's own.

    Raises:
        ValidationError: One leads elsewhere; nothing was sent there.
    """
    if not is_id(operation.id):
        raise ValidationError(
            f"The operation's id {operation.id[:80]!r} is none that {operation.provider} gives; "
            "take the operation or the token as it was given out",
            submission="accepted",
        )

    missing = [name for name in needs if name not in {**operation.data, **operation.urls}]
    if missing:
        raise ValidationError(
            f"The operation of {operation.provider} lacks {', '.join(missing)}; take the operation "
            "or the token as it was given out",
            submission="accepted",
        )

    for url in (*operation.urls.values(), *_urls(operation.data)):
        if not (PLAIN.fullmatch(url) and is_trusted(url, account)):
            raise ValidationError(
                f"The operation leads to {urlsplit(url).netloc!r}, which is neither "
                f"{operation.provider} nor base_url: it is not followed, and no key is sent there",
                submission="accepted",
            )


def _urls(value: Any) -> Iterator[str]:
    if isinstance(value, str) and URL.match(value):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _urls(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _urls(item)
