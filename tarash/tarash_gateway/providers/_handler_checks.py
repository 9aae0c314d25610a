"""Checks what applications register, so that a mistake in it shows before anything is bought."""

from __future__ import annotations

import inspect

from ..exceptions import ValidationError
from ._contract import ABILITIES, AdapterDefaults

HANDLER_METHODS = (
    "generate_video",
    "generate_video_async",
    "generate_image",
    "generate_image_async",
)
ADAPTER_METHODS = ("find_key", "connect", "build", "submit", "poll", "cancel", "parse")


def is_adapter(handler: object) -> bool:
    """Tell whether it has all methods of an adapter."""
    return all(callable(getattr(handler, name, None)) for name in ADAPTER_METHODS)


def check_abilities(provider: str, adapter: object) -> None:
    """Check that an adapter declares what it can do beside the methods that all have.

    Raises:
        ValidationError: It has no `abilities`, or they are not the methods that are there.
    """
    declared = getattr(adapter, "abilities", None)
    if not isinstance(declared, frozenset | set) or not hasattr(adapter, "modules"):
        raise ValidationError(
            f"the adapter for {provider!r} declares no `abilities`; derive its class from "
            f"RestAdapter or {AdapterDefaults.__name__}, and list there which of "
            f"{', '.join(ABILITIES)} it has"
        )

    there = {name for name in ABILITIES if callable(getattr(adapter, name, None))}
    if declared != there:
        differing = ", ".join(sorted(declared ^ there))
        raise ValidationError(
            f"the adapter for {provider!r} declares other `abilities` than it has methods for: "
            f"{differing}; add the name or the method"
        )


def check_handler(provider: str, handler: object) -> None:
    """Check that what is registered can be called as it will be.

    Args:
        provider: The name that it is registered under.
        handler: An adapter, or an object with methods of `ProviderHandler`.

    Raises:
        ValidationError: It can't; the message says what to change.
    """
    if is_adapter(handler):
        check_abilities(provider, handler)

    known = ADAPTER_METHODS if is_adapter(handler) else HANDLER_METHODS
    there = [name for name in known if callable(getattr(handler, name, None))]
    if not there:
        raise ValidationError(
            f"the handler for {provider!r} has none of the methods {', '.join(HANDLER_METHODS)}; "
            "write at least one"
        )

    if isinstance(handler, type) and any(_needs_self(handler, name) for name in there):
        raise ValidationError(
            f"the handler for {provider!r} is the class {handler.__name__}, not an object of it; "
            f"register {handler.__name__}()"
        )

    if known is HANDLER_METHODS:
        for name in there:
            _check_method(provider, handler, name)


def _needs_self(handler: type, name: str) -> bool:
    return inspect.isfunction(inspect.getattr_static(handler, name))


def _check_method(provider: str, handler: object, name: str) -> None:
    method = getattr(handler, name)
    if not name.endswith("_async") and inspect.iscoroutinefunction(method):
        raise ValidationError(
            f"{name} of the handler for {provider!r} is a coroutine; call it {name}_async"
        )

    try:
        signature = inspect.signature(method)
    except (TypeError, ValueError):
        return  # written in C, say: it can't be known beforehand

    try:
        signature.bind("config", "request", "on_progress")
    except TypeError as error:
        raise ValidationError(
            f"{name} of the handler for {provider!r} is called with (config, request, "
            f"on_progress), and takes {signature}: {error}"
        ) from None


def makes(handler: object, kind: str) -> bool:
    """Tell whether a handler has a method for what is asked of it."""
    names = (f"generate_{kind}", f"generate_{kind}_async")
    return any(callable(getattr(handler, name, None)) for name in names)
