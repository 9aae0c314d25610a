"""`tarash providers new`: asks a few questions, and writes a file that can be checked at once."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import typer

from ..providers import declaration_schema
from . import _terminal as terminal
from ._errors import CommandError, Exit

SCHEMA = "provider.schema.json"
HEAD = """\
#:schema ./{schema}
# Every key is in the guide "Providers in one file". Check it: tarash providers check {file}
name = "{name}"
title = "{title}"

[account]
base_url = "{base_url}"
variables = ["{variable}"]
# check = "me" # a path that costs nothing and wants a key

[submit]
path = "{submit}"
{answer}
[errors]
message = ["error.message", "message"] # where its words are
code = ["error.code", "code"] # and its codes

[[errors.rules]]
means = "moderation"
words = "moderat|policy|unsafe" # how it refuses content
"""
JOBS = """
[poll]
path = "{poll}"
status = "status"

# Its words, and ours: queued, processing, completed, failed, gone.
[poll.statuses]
queued = "queued"
running = "processing"
succeeded = "completed"
failed = "failed"

[result]
media = {{ {kind} = ["output.url"] }}

# [cancel]
# path = "{poll}"
# look_first = true # so that a job that is done is never erased
"""
AT_ONCE = """
[result]
media = {{ {kind} = ["data[].url", "data[].b64_json"] }}
"""
MODEL = """
[[models]]
ids = ["{model}"]
kind = "{kind}"
[models.takes]
prompt = {{ from = "prompt", required = true }}
"""
VIDEO = """\
duration = { from = "duration_seconds", form = "int", allowed = [4, 8] }
aspect_ratio = { from = "aspect_ratio", allowed = ["16:9", "9:16", "1:1"] }
image = { from = "image_list", roles = ["first_frame"], most = 1 }
"""
IMAGE = """\
n = { from = "n", low = 1, high = 4 }
size = { from = "size", allowed = ["1024x1024", "1536x1024", "1024x1536"] }
image = { from = "image_list", roles = ["reference"], most = 1 }
"""


def begin_file(file: Path, kind: str, given: Mapping[str, str | None]) -> int:
    """Write a skeleton and the schema for editors; return the exit code.

    Raises:
        CommandError: The file is there already, can't be written, or has no name for a provider.
    """
    name = re.sub(r"[^a-z0-9_-]", "-", file.stem.lower()).strip("-_")
    if not re.fullmatch(r"[a-z][a-z0-9_-]*", name) or file.suffix != ".toml":
        raise CommandError(f"{str(file)!r} names no provider: write a name such as acme.toml")

    if file.exists():
        raise CommandError(f"{str(file)!r} exists, and is left as it is; name another file")

    answers = _answers(name, kind, given)
    answers |= {"name": name, "kind": kind, "schema": SCHEMA, "file": file.name}
    answers["answer"] = 'id = "id" # where its answer holds the id of the job\n'
    if not answers["poll"]:
        answers["answer"] = "at_once = true # its answer is the result\n"

    text = HEAD + (JOBS if answers["poll"] else AT_ONCE) + MODEL
    text = text.format(**answers) + (VIDEO if kind == "video" else IMAGE)
    try:
        file.write_text(text, "utf-8")
        file.with_name(SCHEMA).write_text(
            json.dumps(declaration_schema(), indent=2) + "\n", "utf-8"
        )
    except OSError as error:
        raise CommandError(f"{str(file)!r} can't be written: {error.strerror or error}") from None

    terminal.result(str(file))
    terminal.hint(f"Fill in what the vendor does otherwise, then: tarash providers check {file}")
    return Exit.DONE


def _answers(name: str, kind: str, given: Mapping[str, str | None]) -> dict[str, str]:
    usual = {
        "title": name.replace("-", " ").title(),
        "base_url": f"https://api.{name}.example/v1",
        "variable": f"{name.replace('-', '_').upper()}_API_KEY",
        "model": f"{name}-1",
        "submit": "generations",
        "poll": "generations/{id}" if kind == "video" else "",
    }
    questions = {
        "title": "How is the provider called?",
        "base_url": "At which address is its API?",
        "variable": "Which environment variable holds the key?",
        "model": f"Which model makes {kind}s?",
        "submit": "Which path starts a job?",
        "poll": "Which path tells of a job, with {id} in it? (empty: the answer is the result)",
    }
    asks = sys.stdin is not None and sys.stdin.isatty()
    answers = {}
    for key, question in questions.items():
        answer = given[key]
        if answer is None and asks:
            answer = str(typer.prompt(question, default=usual[key], err=True))

        answers[key] = _quoted(usual[key] if answer is None else answer.strip())

    return answers


def _quoted(text: str) -> str:
    """Return text as it stands between the quotes of TOML."""
    return json.dumps(text, ensure_ascii=False)[1:-1]
