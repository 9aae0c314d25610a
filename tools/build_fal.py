"""Builds the catalogue file of fal: `python tools/build_fal.py FILES…`.

For developers. FILES are answers of fal's models API (`GET /v1/models?expand=openapi-3.0`), each
one page or `{"pages": [...], "earlier_snapshots": [...]}`, or schemas by id in `endpoints`; gzip is
read too. Earlier files win over later ones. Reads no network.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tarash.tarash_gateway.catalog._archive import pack
from tarash.tarash_gateway.catalog._records import mend, records_of, records_of_types
from tarash.tarash_gateway.catalog._schema_store import SHIPPED

DESTINATION = SHIPPED / "fal.shelf"


def build(answers: list[Mapping[str, Any]]) -> bytes:
    """Return the content of the catalogue file.

    Args:
        answers: The parsed files.
    """
    listed = records_of(_models(answers, "pages"))
    gone = records_of(_models(answers, "earlier_snapshots"))
    sound = {**{model: {**record, "unlisted": True} for model, record in gone.items()}, **listed}
    now_listed = {
        model.get("endpoint_id")
        for model in _models(answers, "pages")
        if isinstance(model, Mapping)
    }
    for model in now_listed & gone.keys():
        sound[str(model)].pop("unlisted", None)

    types: dict[str, Any] = {}
    for answer in answers:
        types |= answer.get("endpoints") or {}

    weak = mend(records_of_types(types), sound)
    dates = [str(answer["recorded"]) for answer in answers if "recorded" in answer]
    facts = {"provider": "fal", "recorded": max(dates, default=None)}
    return pack({**weak, **sound}, facts)


def _models(answers: list[Mapping[str, Any]], section: str) -> Iterator[Any]:
    for answer in answers:
        pages = answer.get(section) or (
            [answer] if section == "pages" and "models" in answer else []
        )
        for page in pages:
            yield from page.get("models") or ()


def _read(path: Path) -> Mapping[str, Any]:
    content = path.read_bytes()
    if content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)

    answer: Mapping[str, Any] = json.loads(content)
    return answer


def main(arguments: list[str] | None = None) -> None:
    """Build the file from the files that the command line names."""
    parser = argparse.ArgumentParser(description="Build the catalogue file of fal.")
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--output", type=Path, default=DESTINATION)
    chosen = parser.parse_args(arguments)
    content = build([_read(path) for path in chosen.files])
    chosen.output.parent.mkdir(parents=True, exist_ok=True)
    chosen.output.write_bytes(content)
    sys.stdout.write(f"{chosen.output}: {len(content)} bytes\n")


if __name__ == "__main__":
    main()
