"""What `tarash doctor` says of keys that can't be sent as they are, and of those that can."""

from __future__ import annotations

import re
from pathlib import Path

from tests.cli.conftest import CANARY, Command


def test_it_calls_nobody_ready_whose_key_can_not_be_sent(command: Command) -> None:
    command.environment |= {"FAL_KEY": f"Bearer {CANARY}", "RECRAFT_API_TOKEN": CANARY}
    ready = re.compile(r"^ready +ok +(.+?) *$", re.MULTILINE)
    said = ready.search(command("doctor", code=3).out)
    assert said is not None
    assert "recraft" in said[1].split(", ")
    assert "fal" not in said[1].split(", ")
    told = command("doctor", "--provider", "fal", code=3).out
    assert re.search(r"ready: fal +problem +no: its key can't be sent", told)
    assert not ready.search(told)
    # of two keys, one is enough
    keys = {"LUMAAI_API_KEY": CANARY, "LUMA_AGENTS_API_KEY": f"Bearer {CANARY}"}
    command.environment |= keys
    assert ready.search(command("doctor", "--provider", "luma", code=3).out)


def test_it_takes_a_key_with_its_scheme_where_it_is_sent_so(
    command: Command, tmp_path: Path
) -> None:
    path = Path(__file__).parents[1] / "contract" / "declared" / "aster.toml"
    folder = tmp_path / "providers"
    folder.mkdir()
    command.environment |= {"TARASH_PROVIDERS": str(folder), "ASTER_KEY": f"Basic {CANARY}"}
    for auth, code, said in (
        ('auth = { type = "header" }', 0, r"ASTER_KEY +ok +set"),
        ('auth = { type = "bearer" }', 3, r"ASTER_KEY +problem +its key begins with the word"),
    ):
        text = path.read_text().replace("[account]", f"[account]\n{auth}")
        (folder / "aster.toml").write_text(text)
        told = command("doctor", "--provider", "aster", code=code).out
        assert re.search(said, told), told
