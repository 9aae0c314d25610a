"""Why a connection did not come about or broke, in a few words.

An HTTP client's own text repeats the host, and says `ssl` of connections without it.
"""

from __future__ import annotations

import os
import socket
import ssl

from .._support._secrets import without_userinfo

PROXY_LOGIN = 407
RESET = (BrokenPipeError, ConnectionAbortedError, ConnectionResetError)


def reason_of(error: BaseException) -> str:
    """Return what went wrong, without the host, which whoever says it names."""
    reported = _reported(error)
    if reported:
        return reported[1]

    status = _proxys_status(error)
    if status is not None:
        asks = ", it asks for a user and password" if status == PROXY_LOGIN else ""
        return f"the proxy answered HTTP {status}{asks}"

    # A proxy's address may have a password in it.
    return without_userinfo(str(error.__cause__ or error)) or type(error).__name__


def cause_of(error: BaseException) -> BaseException:
    """Return what the system or TLS reported; the error itself where it is something else.

    For a connection that never was, the way there through an HTTP client says nothing more: some
    hundred lines of it would stand before the error.
    """
    reported = _reported(error)
    return error if reported is None else reported[0].with_traceback(None)


def _reported(error: BaseException) -> tuple[BaseException, str] | None:
    one: BaseException | None = error
    while one is not None:
        # An error of aiohttp's holds the one that it stands for.
        held = getattr(one, "certificate_error", None) or getattr(one, "os_error", None)
        inner: BaseException = one if held is None else held
        words = _known(inner)
        if words is not None:
            by_proxy = type(one).__name__ == "ClientProxyConnectionError"
            return inner, f"the proxy can't be reached ({words})" if by_proxy else words

        one = one.__cause__

    return None


def _proxys_status(error: BaseException) -> int | None:
    """Return what a proxy answered that was to open a way; None where that is not the error."""
    left, seen = [error], set[int]()
    while left:
        one = left.pop()
        if type(one).__name__ == "ClientHttpProxyError":
            return getattr(one, "status", None)

        seen.add(id(one))
        before = (one.__context__, one.__cause__)
        left += [cause for cause in before if cause is not None and id(cause) not in seen]

    return None


def _known(error: BaseException) -> str | None:  # noqa: PLR0911  (a table, by type)
    """Return the words for what the system or TLS reports; None for anything else."""
    if isinstance(error, ssl.SSLCertVerificationError):
        words = getattr(error, "verify_message", None) or error.strerror
        return f"its certificate is not accepted ({words})"

    if isinstance(error, ssl.SSLError):
        return f"no TLS connection ({getattr(error, 'reason', None) or error.strerror})"

    if isinstance(error, socket.gaierror):
        unknown = error.errno == socket.EAI_NONAME
        return "its name is not known" if unknown else "its name can't be looked up"

    if isinstance(error, ConnectionRefusedError):
        return "connection refused"

    if isinstance(error, TimeoutError):
        return "timed out"

    if isinstance(error, RESET):
        return "connection reset"

    return _of_number(error)


def _of_number(error: BaseException) -> str | None:
    """Return the system's own words: those of the error itself may repeat the address."""
    number = error.errno if isinstance(error, OSError) else None
    words = os.strerror(number) if number else "Unknown error"
    return None if words.startswith("Unknown error") else f"{words[0].lower()}{words[1:]}"
