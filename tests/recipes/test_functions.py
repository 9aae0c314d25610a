"""Recipes for functions in the cloud and containers."""

from __future__ import annotations

import json
import sys

import pytest

from tests.recipes.conftest import Place

HOMELESS = """
import json, os, pwd, sys

def nobody(_):
    raise KeyError("no such user")

pwd.getpwuid = nobody
from lambda_handler import handle

first = handle({"prompt": "A cat"})
states = []
while not states or states[-1]["status"] not in ("completed", "failed"):
    states.append(handle({"token": first["token"]}))

print(json.dumps([first["status"], states[-1], handle({"prompt": " "}), handle({"token": "x"})]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="users have no entry there")
def test_a_function_without_a_home_orders_and_asks_again(place: Place) -> None:
    for name in ("HOME", "TARASH_LEDGER"):
        place.environment.pop(name, None)

    said = place.said("-c", HOMELESS)
    first, last, blank, forged = json.loads(said.splitlines()[-1])
    assert (first, last["status"]) == ("queued", "completed")
    assert last["video"].startswith("http")
    assert (blank["status"], forged["status"]) == ("refused", "refused")
    assert place.counters.submits == 1
