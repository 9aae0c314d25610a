"""Every fenced Python block of the documentation runs; tests/examples runs the examples.

The blocks of a page run in one namespace, from top to bottom, in an empty folder, against the
simulator. Each block can be pasted into a script: none awaits at its top level.
"""

from __future__ import annotations

import logging
import re
import signal
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

from tarash.tarash_gateway.providers._registry import default_registry, shipped
from tarash.tarash_gateway.testing import Script, Simulator

ROOT = Path(__file__).parents[2]
BUILT = ROOT / "docs" / "contributing.md"
"""Its blocks are the files of a package; test_contributing builds and uses it."""
SERVED = ROOT / "docs" / "guides" / "server.md"
"""Its blocks want a server that listens; tests/server runs them against one."""
PAGES = [ROOT / "README.md", *sorted({*(ROOT / "docs").rglob("*.md")} - {BUILT, SERVED})]
BLOCK = re.compile(
    r"^(?P<indent> *)```python\n(?P<code>.*?)^(?P=indent)```$", re.DOTALL | re.MULTILINE
)


def code_of(path: Path) -> Iterator[CodeType]:
    """Yield the code of each block of a page, at the lines of its file."""
    text = path.read_text(encoding="utf-8")
    for block in BLOCK.finditer(text):
        first_line = text.count("\n", 0, block.start("code")) + 1
        source = textwrap.dedent(block["code"])
        yield compile("\n" * (first_line - 1) + source, path, "exec", dont_inherit=True)


def run(path: Path) -> None:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for code in code_of(path):
        exec(code, namespace)  # noqa: S102  (the project's own pages)


@pytest.fixture
def _as_found() -> Iterator[None]:
    """Undo what pages set up for a whole process."""
    signals = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    logger = logging.getLogger("tarash.tarash_gateway")
    handlers = list(logger.handlers)
    yield
    logger.handlers[:] = handlers
    for number, handler in signals.items():
        signal.signal(number, handler)


@pytest.fixture
def _prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, _as_found: None) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    for name in shipped():
        # The simulator has no limit on looks, so nobody has to wait for seconds between two.
        adapter = default_registry.adapter(name, need_extra=False)
        monkeypatch.setattr(adapter, "min_poll_interval", 0.02)

    with Simulator() as simulator:
        for name in simulator.providers:
            simulator.script(name, Script(run_polls=0))  # done at the first look

        monkeypatch.setenv("FAL_KEY", "documentation:key")
        monkeypatch.setenv("TARASH_FAL_BASE_URL", simulator.base_url("fal"))
        monkeypatch.setenv("RUNWAYML_API_SECRET", "documentation")
        monkeypatch.setenv("TARASH_RUNWAY_BASE_URL", simulator.base_url("runway"))
        monkeypatch.setenv("LUMAAI_API_KEY", "documentation-key")
        monkeypatch.setenv("LUMA_AGENTS_API_KEY", "documentation-key")
        monkeypatch.setenv("TARASH_LUMA_BASE_URL", simulator.base_url("luma"))
        monkeypatch.setenv("REPLICATE_API_TOKEN", "documentation-key")
        monkeypatch.setenv("TARASH_REPLICATE_BASE_URL", simulator.base_url("replicate"))
        monkeypatch.setenv("STABILITY_API_KEY", "sk-documentation")
        monkeypatch.setenv("TARASH_STABILITY_BASE_URL", simulator.base_url("stability"))
        monkeypatch.setenv("XAI_API_KEY", "xai-documentation")
        monkeypatch.setenv("TARASH_XAI_BASE_URL", simulator.base_url("xai"))
        monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-documentation")
        monkeypatch.setenv("TARASH_ALIBABA_BASE_URL", simulator.base_url("alibaba"))
        monkeypatch.setenv("MINIMAX_API_KEY", "minimax-documentation")
        monkeypatch.setenv("TARASH_MINIMAX_BASE_URL", simulator.base_url("minimax"))
        monkeypatch.setenv("IDEOGRAM_API_KEY", "ideogram-documentation")
        monkeypatch.setenv("TARASH_IDEOGRAM_BASE_URL", simulator.base_url("ideogram"))
        monkeypatch.setenv("RECRAFT_API_TOKEN", "recraft-documentation")
        monkeypatch.setenv("TARASH_RECRAFT_BASE_URL", simulator.base_url("recraft"))
        monkeypatch.setenv("WAVESPEED_API_KEY", "wavespeed-documentation")
        monkeypatch.setenv("TARASH_WAVESPEED_BASE_URL", simulator.base_url("wavespeed"))
        monkeypatch.setenv("KLINGAI_API_KEY", "kling-documentation")
        monkeypatch.setenv("TARASH_KLING_BASE_URL", simulator.base_url("kling"))
        monkeypatch.setenv("ARK_API_KEY", "ark-documentation")
        monkeypatch.setenv("TARASH_BYTEDANCE_BASE_URL", simulator.base_url("bytedance"))
        monkeypatch.setenv("BFL_API_KEY", "bfl_documentation")
        monkeypatch.setenv("TARASH_BFL_BASE_URL", simulator.base_url("bfl"))
        monkeypatch.setenv("TOGETHER_API_KEY", "together-documentation")
        monkeypatch.setenv("TARASH_TOGETHER_BASE_URL", simulator.base_url("together"))
        monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-v1-documentation")
        monkeypatch.setenv("TARASH_OPENROUTER_BASE_URL", simulator.base_url("openrouter"))
        for name in ("comfyui", "vllm", "sglang", "openai-compatible", "localai"):
            variable = f"TARASH_{name.upper().replace('-', '_')}_BASE_URL"
            monkeypatch.setenv(variable, simulator.base_url(name))

        for name in ("OPENAI", "AZURE_OPENAI"):
            url = simulator.base_url(name.lower().replace("_", "-"))
            monkeypatch.setenv(f"{name}_API_KEY", "documentation-key")
            monkeypatch.setenv(f"TARASH_{name}_BASE_URL", url)

        monkeypatch.setenv("GOOGLE_API_KEY", "documentation-key")
        monkeypatch.setenv("TARASH_GOOGLE_BASE_URL", simulator.base_url("google"))
        yield


@pytest.mark.usefixtures("_prepared")
@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_it_runs(path: Path) -> None:
    run(path)
