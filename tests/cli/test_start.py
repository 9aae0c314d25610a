"""How a command starts: without looking for garbage among modules, and without a trace of that."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from tarash.tarash_gateway.cli import main
from tests.cli.conftest import Command

PROGRAM = """
import gc, sys
sys.argv = ["tarash", "--version"]
from tarash.tarash_gateway.cli import main
given = sys.argv[1:] if "given" == "{way}" else None
print(main(given), gc.isenabled(), gc.get_freeze_count() > 10_000)
"""
LISTING = """
import sys
from tarash.tarash_gateway.cli import main
print(main(["jobs", "ls"]), [name for name in sys.modules if ".providers._declared" in name])
"""


@pytest.mark.parametrize("was_on", [True, False])
def test_a_command_in_a_users_process_leaves_its_collector_as_it_was(was_on: bool) -> None:
    before, frozen = gc.isenabled(), gc.get_freeze_count()
    (gc.enable if was_on else gc.disable)()
    try:
        assert main(["--version"]) == 0
        assert gc.isenabled() is was_on
        assert gc.get_freeze_count() <= frozen
    finally:
        (gc.enable if before else gc.disable)()


@pytest.mark.parametrize(("way", "keeps"), [("own", True), ("given", False)])
def test_a_process_of_its_own_keeps_its_modules_out_of_collections(way: str, keeps: bool) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(way=way)], capture_output=True, text=True, check=True
    )
    assert ran.stdout.splitlines()[-1] == f"0 True {keeps}"


def test_a_list_of_jobs_loads_no_provider(command: Command) -> None:
    """It asks whether a provider is on this machine, which no variable says."""
    assert command.code(LISTING).out.splitlines()[-1] == "0 []"
