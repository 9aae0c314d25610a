"""The checks of the project, each in an environment of its own; `nox --list` names them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import nox

ROOT = Path(__file__).parent
PROJECT = nox.project.load_toml("pyproject.toml")
CURRENT = f"{sys.version_info.major}.{sys.version_info.minor}"
PYTHONS = os.environ.get("TARASH_CI_PYTHONS", "3.13 3.12 3.11").split()
# The interpreter that runs nox is there for certain, so it runs the whole suite.
FURTHER = [version for version in PYTHONS if version != CURRENT]

# What the check installs: the versions that it is known to pass with, with the hashes of their
# files. The package itself only has lower bounds.
LOCKS = ROOT / ".ci" / "locks"
LOCKED = {
    "bare": ("pyproject.toml",),
    "everything": ("pyproject.toml", "--all-extras", "--group", "dev", "--group", "wheel"),
    "lint": ("--group", "lint"),
    "recipes": ("pyproject.toml", "--all-extras", "--group", "recipes", "--group", "wheel"),
    "runner": ("--group", "runner"),
    "uv": ("--group", "uv"),
}

# The tests wait for servers and processes half of their time, so even two cores run several at
# once. Some take a hundred times as long as others: who is done takes over from the rest.
WORKERS = ("--numprocesses", "6", "--dist", "worksteal")

# What depends on how the package is built: its data, its entry points, what it imports. A third of
# it runs from the wheel: what a build leaves out shows in many tests at once.
PACKAGED = tuple(f"tests/{name}" for name in (
    "catalog", "cli", "docs", "house", "mapping", "mock", "portal", "providers", "registry",
))  # fmt: skip

# What is the same on every interpreter: data and text, many of the tests. They run on one of them.
WITHOUT_DATA = tuple(
    f"--ignore=tests/{name}"
    for name in ("catalog", "docs", "examples", "field", "mapping", "prices")
)
# Of what is left, each further interpreter runs a share of its own: what differs between them shows
# in many tests at once.
SHARES = 6

# What people install beside the package, and what asks for SDKs of its own choice.
NEIGHBOURS = (
    "aider-chat", "browser-use", "camel-ai", "crewai", "google-adk", "google-cloud-aiplatform",
    "llama-index", "llama-index-llms-openai",
)  # fmt: skip

# The tests start many interpreters, each of which would have to compile the package.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

nox.needs_version = ">=2025.5"
nox.options.default_venv_backend = os.environ.get("NOX_DEFAULT_VENV_BACKEND", "virtualenv")
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = False
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "types", "layers", "docs", "wheel", "recipes", "shares", "tests"]


def _offer_pyenv_versions() -> None:
    """Let pyenv's `python3.12` and its like run: they refuse unless their version is chosen."""
    if shutil.which("pyenv") is None:
        return

    answers = [
        subprocess.run(["pyenv", "latest", version], capture_output=True, text=True, check=False)
        for version in [CURRENT, *PYTHONS]
    ]
    found = [answer.stdout.strip() for answer in answers if answer.returncode == 0]
    os.environ["PYENV_VERSION"] = ":".join(dict.fromkeys([*found, "system"]))


_offer_pyenv_versions()


def _group(name: str) -> list[str]:
    return list(nox.project.dependency_groups(PROJECT, name))


def _install(
    session: nox.Session,
    lock: str = "everything",
    *,
    project: bool = True,
    is_compiled: bool = False,
) -> None:
    """Install what is locked, file by file by its hash, and then this project as it stands here.

    A project in a folder has no hash, so it comes in a second step, which installs nothing else.
    To compile all modules takes ten times as long as to install them. It pays where many processes
    would compile them at the same time, each for itself.
    """
    compiling = {"UV_COMPILE_BYTECODE": "1"} if is_compiled else {}
    session.install("--require-hashes", "-r", str(LOCKS / f"{lock}.txt"), env=compiling)
    if project:
        session.install("--no-deps", "--no-build-isolation", "-e", ".")


@nox.session
def lint(session: nox.Session) -> None:
    """Look for mistakes and for foreign formatting."""
    _install(session, "lint", project=False)
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session
def types(session: nox.Session) -> None:
    """Check the types of the package, the tests and this file."""
    _install(session)
    session.run("mypy")
    # As a user's checker, which has no plugin of pydantic's.
    session.run("mypy", "--config-file=", "--strict", "tests/surface/documented_forms.py")


@nox.session
def layers(session: nox.Session) -> None:
    """Check that imports go down only."""
    _install(session, "lint", project=False)
    session.run("lint-imports", "--no-cache")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation; a warning or a reference to nothing is an error."""
    _install(session)
    session.run(
        "sphinx-build", "--fail-on-warning", "--keep-going", "--nitpicky", "--fresh-env", "--quiet",
        "docs", "docs/_build",
    )  # fmt: skip


@nox.session
def tests(session: nox.Session) -> None:
    """Run the test suite, all of it."""
    _install(session, is_compiled=True)
    _pytest(session, "pytest")


@nox.session(python=FURTHER or [CURRENT])
def shares(session: nox.Session) -> None:
    """Run a share of the test suite on each further interpreter."""
    if not FURTHER:
        session.skip("There is no further interpreter to run on.")

    _install(session, is_compiled=True)
    share = f"{FURTHER.index(str(session.python)) + 1}/{SHARES}"
    _pytest(session, "pytest", *(() if session.posargs else (*WITHOUT_DATA, "--share", share)))


@nox.session
def coverage(session: nox.Session) -> None:
    """Measure which lines the test suite runs; arguments go to pytest."""
    _install(session)
    environment = {"COVERAGE_FILE": str((Path(session.create_tmp()) / ".coverage").resolve())}
    session.run("coverage", "erase", env=environment)
    _pytest(session, "coverage", "run", "-m", "pytest", env=environment)
    session.run("coverage", "combine", env=environment)
    session.run("coverage", "report", env=environment)


def _pytest(session: nox.Session, *command: str, env: dict[str, str] | None = None) -> None:
    """Run the suite; what failed beside others has to pass by itself, and is named.

    The tests run real servers and real clocks. On a machine that does other work too, one of
    thousands may starve; a mistake fails again. The first run takes the assertions as they are
    written: each worker would rewrite all of them for itself, at the same time, which takes longer
    than to import them. The second one rewrites them, and shows both sides.
    """
    # Of its own: sessions that run at the same time would take each other's failures for theirs.
    command = (*command, "-o", f"cache_dir={(Path(session.create_tmp()) / 'pytest').resolve()}")
    try:
        session.run(*command, *WORKERS, "--assert=plain", *session.posargs, env=env)
    except nox.command.CommandFailed:
        session.warn("Some tests failed. They run once more, one at a time.")
        session.run(
            *command,
            "--last-failed",
            "--last-failed-no-failures=none",
            "-v",
            *session.posargs,
            env=env,
        )


@nox.session
def wheel(session: nox.Session) -> None:
    """Test what users install: the built wheel, with the source tree out of reach."""
    _install(session, project=False, is_compiled=True)
    scratch = Path(session.create_tmp()).resolve()
    shutil.rmtree(scratch)
    scratch.mkdir()
    session.run(
        "python", "-m", "build", "--no-isolation", "--outdir", str(scratch / "dist"), silent=True
    )
    (package,) = (scratch / "dist").glob("*.whl")
    _check_contents(session, package)

    elsewhere = scratch / "elsewhere"
    elsewhere.mkdir()
    for name in ("tests", "docs", "examples", "tools"):
        if (ROOT / name).is_dir():
            # Not the pages that `docs` may be building at this moment.
            built = shutil.ignore_patterns("_build")
            shutil.copytree(ROOT / name, elsewhere / name, ignore=built)
    for name in ("NOTICE", "README.md", "SECURITY.md", "pyproject.toml"):
        shutil.copy(ROOT / name, elsewhere)

    # Without extras, the package imports, and loads nothing that is not needed yet.
    session.run("python", "-m", "venv", str(scratch / "bare"))
    bare = scratch / "bare" / ("Scripts" if os.name == "nt" else "bin") / "python"
    install = (str(bare), "-m", "pip", "install", "--quiet")
    # pip takes no file without a hash where a constraint or a requirement has one: two steps.
    session.run(*install, "--require-hashes", "-r", str(LOCKS / "bare.txt"), external=True)
    session.run(*install, "--no-deps", str(package), external=True)
    with session.chdir(elsewhere):
        session.run(str(bare), "tests/house/import_probe.py", external=True)

    session.install("--force-reinstall", "--no-deps", str(package))
    with session.chdir(elsewhere):
        _pytest(session, "pytest", *(() if session.posargs else (*PACKAGED, "--share", "1/3")))

    # The README's first command does its own installing, on a copy of the repository.
    session.run("pytest", "-m", "packaged", "tests/house")


def _check_contents(session: nox.Session, built: Path) -> None:
    names = set(zipfile.ZipFile(built).namelist())
    foreign = sorted(
        name
        for name in names
        if not name.startswith("tarash/tarash_gateway/") and ".dist-info/" not in name
    )
    data = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "tarash").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    if foreign or not data <= names:
        session.error(f"wheel: foreign files {foreign}, missing files {sorted(data - names)}")


@nox.session
def lock(session: nox.Session) -> None:
    """Write down anew what the check installs; `nox -s lock -- --upgrade` takes the newest."""
    _install(session, "uv", project=False)
    for name, wanted in LOCKED.items():
        session.run(
            "uv", "pip", "compile", *wanted, "--output-file", f".ci/locks/{name}.txt",
            "--generate-hashes", "--universal", "--python-version", "3.11", "--no-emit-index-url",
            "--no-emit-find-links", "--no-annotate", "--quiet",
            "--custom-compile-command", "nox -s lock", *session.posargs,
            env={"PIP_CONSTRAINT": "", "UV_CONSTRAINT": ""},
        )  # fmt: skip


@nox.session
def bench(session: nox.Session) -> None:
    """Measure, print what was measured, and write docs/benchmarks.md."""
    _install(session)
    # What else people use has requirements of its own, so it gets an environment of its own.
    others = Path(session.create_tmp()).resolve() / "others"
    session.run("python", "-m", "venv", str(others))
    python = str(others / ("Scripts" if os.name == "nt" else "bin") / "python")
    install = (python, "-m", "pip", "install", "--quiet", *_group("bench"))
    environment = {"TARASH_BENCH_PYTHON": python}
    try:
        session.run(*install, env={"PIP_CONSTRAINT": "", "UV_CONSTRAINT": ""}, external=True)
    except nox.command.CommandFailed:
        session.warn("What others use could not be installed, so it is not measured.")
        environment.clear()

    session.run("pytest", "-m", "bench", "--timeout=0", "-s", *session.posargs, env=environment)


@nox.session
def floors(session: nox.Session) -> None:
    """Run the contract suite with the oldest of all that the package and its extras allow."""
    session.install("--no-deps", "-e", ".", env={"PIP_CONSTRAINT": "", "UV_CONSTRAINT": ""})
    project = PROJECT["project"]
    # The SDK of `mcp` asks for more of others than the rest of the package does, and Google's loads
    # it where it is there: so it isn't.
    extras = {
        name: needs for name, needs in project["optional-dependencies"].items() if name != "mcp"
    }
    groups = [project["dependencies"], *extras.values()]
    needs = sorted({need for group in groups for need in group})
    oldest = [need.replace(">=", "==") for need in needs if ">=" in need]
    # Without the constraints of the newest: these are the point.
    session.install(*oldest, *_group("test"), env={"PIP_CONSTRAINT": "", "UV_CONSTRAINT": ""})
    session.run("pytest", "tests/contract", *WORKERS, *session.posargs)


@nox.session
def beside(session: nox.Session) -> None:
    """Check that popular packages are resolved to the same release beside `[all]` as alone."""
    _install(session, "uv", project=False)
    scratch = Path(session.create_tmp()).resolve()
    behind = []
    for name in NEIGHBOURS:
        alone = _resolved(session, scratch, name)
        if alone is None:
            session.skip("There is no package index to ask.")

        together = _resolved(session, scratch, name, f"tarash-gateway[all] @ {ROOT.as_uri()}")
        session.log(f"{name}: {alone} alone, {together} beside [all]")
        behind += [name] if together != alone else []

    if behind:
        session.error(f"Held back, or in conflict: {', '.join(behind)}")


def _resolved(session: nox.Session, scratch: Path, name: str, *others: str) -> str | None:
    """Return the release of a package that an installation would take; None where there is none."""
    wanted = scratch / "wanted.in"
    wanted.write_text("\n".join([name, *others]), encoding="utf-8")
    try:
        found = session.run(
            "uv", "pip", "compile", "--quiet", "--no-annotate", "--no-header",
            "--python-version", "3.12", str(wanted),
            env={"PIP_CONSTRAINT": "", "UV_CONSTRAINT": ""}, silent=True,
        )  # fmt: skip
    except nox.command.CommandFailed:
        return None

    lines = str(found).splitlines()
    return next((line for line in lines if line.startswith(f"{name}==")), None)


@nox.session
def recipes(session: nox.Session) -> None:
    """Run the programs of examples/recipes, in the servers, queues and tools that they are for."""
    # The versions of the other sessions are not theirs: Gradio and others want older ones.
    session.env.update(PIP_CONSTRAINT="", UV_CONSTRAINT="")
    _install(session, "recipes", is_compiled=True)
    if shutil.which("redis-server") is None:
        session.warn("There is no redis-server, so what RQ does is not tested.")

    _pytest(session, "pytest", "-m", "recipes and not soak", "tests/recipes")


@nox.session
def clients(session: nox.Session) -> None:
    """Run LiteLLM, the Vercel AI SDK and OpenAI's client for Node against a started server."""
    _install(session)
    # As with the benchmarks, what others need is apart from what we do.
    scratch = Path(session.create_tmp()).resolve()
    session.run("python", "-m", "venv", str(scratch / "others"))
    python = scratch / "others" / ("Scripts" if os.name == "nt" else "bin") / "python"
    install = (str(python), "-m", "pip", "install", "--quiet", *_group("bench"))
    session.run(*install, env={"PIP_CONSTRAINT": "", "UV_CONSTRAINT": ""}, external=True)
    environment = {"TARASH_CLIENTS_PYTHON": str(python)}
    if shutil.which("npm") is None:
        session.warn("There is no npm, so what runs in Node is not tested.")
    else:
        shutil.copy(ROOT / "tests" / "clients" / "package.json", scratch)
        quiet = ("--no-audit", "--no-fund", "--no-package-lock", "--silent")
        with session.chdir(scratch):
            session.run("npm", "install", *quiet, external=True)

        environment["TARASH_CLIENTS_NODE"] = str(scratch)

    session.run("pytest", "-m", "clients", "tests/clients", *session.posargs, env=environment)


@nox.session
def soak(session: nox.Session) -> None:
    """Run the long forms of the tests."""
    session.env.update(PIP_CONSTRAINT="", UV_CONSTRAINT="")
    _install(session, "recipes")
    session.run("pytest", "-m", "soak", "--timeout=3600", *session.posargs)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Send the server all that its document allows, and more: nothing is answered by a 5xx."""
    _install(session)
    # It has requirements of its own, so it gets an environment of its own.
    others = Path(session.create_tmp()).resolve() / "fuzz"
    session.run("python", "-m", "venv", str(others))
    scripts = others / ("Scripts" if os.name == "nt" else "bin")
    environment = {"PIP_CONSTRAINT": "", "UV_CONSTRAINT": ""}
    install = (str(scripts / "python"), "-m", "pip", "install", "--quiet", "schemathesis>=4.32")
    session.run(*install, env=environment, external=True)
    session.run(
        "python", "-m", "tests.server.fuzz", str(scripts / "schemathesis"), *session.posargs
    )


@nox.session
def live(session: nox.Session) -> None:
    """Talk to real providers; their keys come from the environment, and they cost money."""
    _install(session)
    session.run("pytest", "-m", "live", "--timeout=900", *session.posargs)
