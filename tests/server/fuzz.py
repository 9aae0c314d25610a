"""Sends a started server all that its OpenAPI document allows, by schemathesis.

No answer is a 5xx, and each is what the document says of it.

    python -m tests.server.fuzz path/to/schemathesis [its options]

`nox -s fuzz` installs schemathesis and runs it. What each run of the tests tries instead is in
`test_hardening`.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance"
)
EXAMPLES = "--max-examples=15"
"""For each route and phase, unless an option says otherwise."""
NAMES = "--suppress-health-check=filter_too_much"
"""The names of models are parts of addresses that may have slashes: it draws and drops many."""


def main(tool: str, *options: str) -> int:
    """Start a server of mocks, and return what schemathesis returns."""
    with tempfile.TemporaryDirectory() as folder:
        serve = [sys.executable, "-m", "tarash.tarash_gateway", "serve", "--mock", "--port", "0"]
        server = subprocess.Popen(
            [*serve, "--media", folder],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            said: dict[str, str] = {}
            assert server.stdout is not None
            for line in server.stdout:
                name, _, value = line.strip().partition("  ")
                said[name] = value.strip()
                if name.startswith("Try"):
                    break

            command = [
                str(Path(tool).absolute()), "run", f"{said['Server']}/openapi.json",
                "--header", f"Authorization: Bearer {said['Admin key']}",
                "--checks", CHECKS, "--phases", "examples,coverage,fuzzing",
                EXAMPLES, "--request-timeout=60", NAMES, *options,
            ]  # fmt: skip
            return subprocess.run(command, check=False, cwd=folder).returncode
        finally:
            server.terminate()
            server.wait(30)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
