"""The pages that are written from the code, so that they are true: each with what renders it."""

from collections.abc import Callable, Mapping

from app import settings_page
from app.docs import commands, records, topics
from schemas.failures import markdown_table
from streams.topology_description import as_mermaid, as_text, describe

GENERATED = "<!-- written by `make docs`: edit the code, not this page -->"


def failures() -> str:
    """The failure table."""
    return (
        "# Codes\n\n"
        "What `error.code` of a response and `code` of a dead letter may be. `retriable`: the same thing, "
        "sent again later under a new `request_id`, may succeed.\n\n"
        f"{markdown_table()}"
    )


def topology() -> str:
    """The graph, as `penstock topology` prints it."""
    graph = describe("agent.", "penstock")
    return (
        "# Topology\n\n"
        "What `penstock topology` prints; `--format mermaid` draws it, `--format json` is for scripts.\n\n"
        f"```mermaid\n{as_mermaid(graph).strip()}\n```\n\n```text\n{as_text(graph).strip()}\n```"
    )


PAGES: Mapping[str, Callable[[], str]] = {
    "docs/configuration.md": settings_page.page,
    "docs/topology.md": topology,
    "docs/commands.md": commands.page,
    "docs/reference/failures.md": failures,
    "docs/reference/records.md": records.page,
    "docs/reference/topics.md": topics.page,
}


def render(path: str) -> str:
    """One page, as it must stand in the file."""
    return f"{GENERATED}\n\n{PAGES[path]().strip()}\n"
