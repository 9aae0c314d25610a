"""The functions of the package are the methods of a gateway, and functions all the same."""

from __future__ import annotations

import copy
import inspect
import pickle
import typing
from typing import Any

import pytest

import tarash.tarash_gateway as package
from tarash.tarash_gateway import Gateway, TarashException, api, resume

OWN = {"aclose", "close"}
"""Those that leave the default gateway usable."""
OF_ITS_OWN = {"health", "health_async"}
"""What there is to say of a gateway with a breaker, which the default one has not."""
METHODS = [
    name
    for name, _ in inspect.getmembers(Gateway, inspect.isfunction)
    if not name.startswith("_") and name not in OF_ITS_OWN
]
SHARED = [name for name in METHODS if name not in OWN]
KEY = "canary-of-the-functions"


def test_every_method_of_a_gateway_is_a_function_too() -> None:
    assert len(SHARED) > 10
    assert set(METHODS) <= set(api.__all__)
    assert set(METHODS) <= set(package.__all__)


@pytest.mark.parametrize("name", SHARED)
def test_a_function_is_its_method_without_self(name: str) -> None:
    function, method = getattr(package, name), getattr(Gateway, name)
    _self, *parameters = inspect.signature(method).parameters.values()
    assert inspect.isfunction(function)
    assert list(inspect.signature(function).parameters.values()) == parameters
    assert typing.get_type_hints(function) == typing.get_type_hints(method)
    assert inspect.iscoroutinefunction(function) == inspect.iscoroutinefunction(method)
    assert inspect.getdoc(function) == inspect.getdoc(method)
    assert (function.__module__, function.__qualname__) == (package.__name__, name)


@pytest.mark.parametrize("name", SHARED)
def test_a_function_can_be_handed_to_another_process(name: str) -> None:
    function = getattr(package, name)
    assert pickle.loads(pickle.dumps(function)) is function
    assert copy.deepcopy(function) is function


def test_keys_are_masked_in_the_frames_of_a_function() -> None:
    with pytest.raises(TarashException) as caught:
        resume("no such job", api_keys={"fal": KEY})

    ours: list[Any] = []
    traceback = caught.value.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_globals["__name__"].startswith(package.__name__):
            ours.append(traceback.tb_frame)

        traceback = traceback.tb_next

    assert len(ours) > 1
    assert all(KEY not in repr(frame.f_locals) for frame in ours)
