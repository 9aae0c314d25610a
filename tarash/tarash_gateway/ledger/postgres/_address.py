"""Where a PostgreSQL ledger is: a URL that never shows its password."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from ..._support._extras import how_to_install
from ..._support._secrets import MASK, Key
from ...exceptions import ValidationError

if TYPE_CHECKING:
    from types import ModuleType

SCHEMES = ("postgresql", "postgres")
CONNECT_SECONDS = 5
DEFAULTS: dict[str, Any] = {
    "connect_timeout": CONNECT_SECONDS,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "fallback_application_name": "tarash",
}
"""What a URL may say otherwise."""
ALWAYS = {"client_encoding": "UTF8"}
"""Whatever the URL, the environment or the database says: in a database of bytes (`SQL_ASCII`) the
driver would take no text for text."""


def psycopg_of() -> ModuleType:
    """Return the driver.

    Raises:
        ValidationError: It is not installed.
    """
    try:
        import psycopg
    except ImportError as error:
        raise ValidationError(
            f"A ledger in PostgreSQL needs psycopg; {how_to_install('postgres')}",
            submission="not_sent",
        ) from error

    return psycopg


class Address:
    """A database as its URL names it; shown without what is secret."""

    def __init__(self, url: str) -> None:
        """Take a URL of libpq's, such as `postgresql://user:password@host:5432/jobs`.

        Raises:
            ValidationError: It is none.
        """
        psycopg = psycopg_of()
        from psycopg.conninfo import conninfo_to_dict

        self._url = Key(url)
        del url
        try:
            options = {**DEFAULTS, **conninfo_to_dict(self._url.reveal()), **ALWAYS}
        except psycopg.Error:
            # Not as the cause, and not its words: they may quote the password.
            options = {"port": "none"}

        hosts = str(options.get("host") or options.get("hostaddr") or "localhost").split(",")
        ports = str(options.get("port") or "5432").split(",")
        # A host or a path with an @ in it is the rest of a password.
        is_torn = any("@" in host for host in hosts) or "@" in _path_of(self._url.reveal())
        if is_torn or not all(port.isdecimal() for port in ports if port):
            raise ValidationError(
                "That is no URL of a PostgreSQL database: use postgresql://user:password@host:5432/"
                "jobs, with %-escapes for @ : / # and ? within the password",
                submission="not_sent",
            )

        self._facts = {name: Key(str(value)) for name, value in options.items()}
        passwords = (str(options.get(name) or "") for name in ("password", "sslpassword"))
        self._secrets = [password for password in passwords if password]
        places = [
            f"{_bracketed(host)}:{ports[min(number, len(ports) - 1)]}"
            for number, host in enumerate(hosts)
        ]
        database = options.get("dbname") or options.get("user") or ""
        self.shown = f"postgresql://{','.join(places)}/{database}"

    def __repr__(self) -> str:
        return self.shown

    def options(self) -> dict[str, Any]:
        """Return what a connection is made with, the password among it."""
        return {name: value.reveal() for name, value in self._facts.items()}

    def clean(self, text: str) -> str:
        """Return text without the password, in one line."""
        for secret in self._secrets:
            text = text.replace(secret, MASK)

        return " ".join(text.split())


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def without_password(url: str) -> str:
    """Return a URL of a database that can be shown, and used by whoever has the password."""
    scheme, separator, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    user, at, host = authority.rpartition("@")
    if not separator or scheme not in SCHEMES:
        return url

    if "@" in _path_of(url):  # the rest of a password with a slash in it: no URL at all
        return f"{scheme}://{MASK}"

    host, asked, options = host.partition("?")
    if asked:  # without a path before it: what follows a slash is a value's
        slash, path, query = "", "", f"{options}{slash}{path}"
    else:
        path, _, query = path.partition("?")

    kept = [
        option for option in query.split("&") if option and not _is_secret(option.partition("=")[0])
    ]
    tail = f"{path}?{'&'.join(kept)}" if kept else path
    user = user.partition(":")[0].partition("?")[0]
    return f"{scheme}://{user}{at}{host}{slash}{tail}"


def _path_of(url: str) -> str:
    return url.partition("?")[0].partition("://")[2].partition("/")[2]


def _is_secret(name: str) -> bool:
    known = unquote(name).lower()
    return "password" in known or "secret" in known
