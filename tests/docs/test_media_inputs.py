"""The guide's table of what providers take is what their adapters state."""

from __future__ import annotations

from pathlib import Path

import pytest

from tarash.tarash_gateway._data._exchange import MediaSupport
from tarash.tarash_gateway.providers._registry import default_registry, shipped

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "media-inputs.md"


def row(name: str, accepts: MediaSupport) -> str:
    more = "uploaded" if accepts.upload else "refused"
    inline = accepts.largest_inline or 0
    size = more if accepts.content is None else f"up to {inline / 1e6:.1f} MB in the request"
    types = ", ".join(one.removeprefix("image/") for one in accepts.images.types) or "any"
    urls = "as they are" if accepts.url else "fetched"
    return f"| `{name}` | {urls} | {size} | {more} | {types} |"


@pytest.mark.parametrize("name", sorted({row.name for row in shipped().values()}))
def test_the_guide_says_what_the_adapter_takes(name: str) -> None:
    accepts = default_registry.adapter(name, need_extra=False).accepts
    assert row(name, accepts) in PAGE.read_text(encoding="utf-8").splitlines()
