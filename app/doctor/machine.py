"""Looks at this machine: Python, the packages that are relied on by their insides, open files, agents."""

import importlib.util
import platform
import re
import sys
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from agents_defs.registry import BadRegistration, default_registry
from app.doctor.finding import Finding, fail, ok, warn
from app.startup import SPARE_FILES

OLDEST_PYTHON = (3, 11)
_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^;\s]+)$")


def examine(max_in_flight: int, patterns: bool = False, folder: Path | None = None) -> list[Finding]:
    """Everything that needs no network."""
    return [_python(), *pins(pinned()), *_compiled(), _files(max_in_flight), _agents(patterns, folder)]


def _python() -> Finding:
    found = f"{platform.python_version()} on {platform.system()}"
    if sys.version_info < OLDEST_PYTHON:
        return fail("python", found, "use 3.11 or newer")
    return ok("python", found)


def pinned() -> dict[str, str]:
    """The packages of which one version is required."""
    matches = [_PIN.match(requirement) for requirement in requires("penstock") or ()]
    return {match[1]: match[2] for match in matches if match}


def pins(wanted: dict[str, str]) -> list[Finding]:
    """Packages whose private parts are relied on have one version that was tested."""
    wrong = []
    for name, number in wanted.items():
        try:
            found = version(name)
        except PackageNotFoundError:
            found = "none"
        if found != number:
            advice = f"install the pinned set (`make setup`), or {name}=={number}"
            wrong.append(fail("packages", f"{name} {found}, {number} is what was tested", advice))
    return wrong or [ok("packages", ", ".join(f"{name} {number}" for name, number in wanted.items()))]


def _compiled() -> list[Finding]:
    """The pure-Python path of Faust acknowledges events that it skips in a rebalance."""
    if importlib.util.find_spec("faust._cython.streams") is not None:
        return []
    advice = "install the wheel of faust-streaming for this platform"
    return [fail("packages", "Faust has no compiled extensions", advice)]


def _files(max_in_flight: int) -> Finding:
    try:
        import resource  # not on Windows
    except ImportError:
        return ok("open files", "not limited here")
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return files(hard if hard != resource.RLIM_INFINITY else None, max_in_flight)


def files(hard: int | None, max_in_flight: int) -> Finding:
    """Each model call in flight has a connection, and each connection needs a file."""
    wanted = max_in_flight + SPARE_FILES
    if hard is None or hard >= wanted:
        return ok("open files", f"{'unlimited' if hard is None else hard}, at most {wanted} are needed")
    advice = "raise it (ulimit -Hn, LimitNOFILE=), or lower PENSTOCK_MAX_IN_FLIGHT"
    return warn("open files", f"at most {hard}, PENSTOCK_MAX_IN_FLIGHT may need {wanted}", advice)


def _agents(patterns: bool, folder: Path | None) -> Finding:
    try:
        specs = default_registry(patterns, folder).specs()
    except BadRegistration as error:
        return fail("agents", str(error), "correct or remove the package that offers it")
    return ok("agents", ", ".join(spec.reference for spec in specs))
