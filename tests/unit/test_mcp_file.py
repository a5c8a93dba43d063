"""The file of MCP servers: what it says, one line that helps where it is wrong, and no secret anywhere."""

from pathlib import Path

import pytest

from agents_defs.mcp.declared import McpServer
from app.mcp_file import McpFile, read_servers

GOOD = """
servers:
  - name: wiki
    url: https://wiki.example.org/mcp
    headers: {Authorization: "env:WIKI", X-Team: "file:team"}
    tools: [search, write]
    approval: [write]
    effects: {write: at_most_once}
    agents: [support, support/billing]
  - {name: files, command: files-server, args: [--root, /srv], env: {TOKEN: "env:TOKEN"}, timeout_s: 5}
"""


def read(tmp_path: Path, text: str) -> McpFile:
    path = tmp_path / "mcp.yaml"
    path.write_text(text)
    return read_servers(path, {"WIKI": "s-1"}.get)


def test_what_it_says(tmp_path: Path) -> None:
    wiki, files = read(tmp_path, GOOD).servers

    assert wiki == McpServer(
        name="wiki",
        url="https://wiki.example.org/mcp",
        headers={"Authorization": "env:WIKI", "X-Team": "file:team"},
        tools=("search", "write"),
        approval=("write",),
        effects={"write": "at_most_once"},
        agents=("support", "support/billing"),
    )
    assert (files.command, files.args, files.timeout_s) == ("files-server", ("--root", "/srv"), 5.0)


def test_references_are_looked_up_when_they_are_needed(tmp_path: Path) -> None:
    found = read(tmp_path, GOOD)
    (tmp_path / "team").write_text("blue\n")

    assert (found.resolve("env:WIKI"), found.resolve("file:team")) == ("s-1", "blue")
    with pytest.raises(LookupError, match="the variable TOKEN is not set"):
        found.resolve("env:TOKEN")
    with pytest.raises(LookupError, match="file:gone cannot be read"):
        found.resolve("file:gone")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("servers: [", "is no YAML, at line"),
        ("servers:\n  - name: \a", "is no YAML, at line 2"),
        ("servers: {wiki: {}}", "servers: Input should be a valid tuple"),
        ("servers: [{name: a, command: x, colour: red}]", "servers.0.colour"),
        ("servers: [{name: a, command: x}, {name: a, command: y}]", "two have the same name: a, a"),
        ("servers: [{name: a}]", "a: write either a command or a url"),
        ("servers: [{name: a b, command: x}]", "name='a b'"),
        ("servers: [{name: a, command: x, url: 'http://h/'}]", "either a command or a url"),
        ("servers: [{name: a, command: x, headers: {K: 'env:V'}}]", "headers belong to a url"),
        ("servers: [{name: a, url: 'http://h/', env: {K: 'env:V'}}]", "belong to a command"),
        ("servers: [{name: a, url: 'ftp://h/'}]", "write http:// or https://"),
        ("servers: [{name: a, url: 'https://me:hunter2@h/'}]", "without user, password and query"),
        ("servers: [{name: a, url: 'https://h/?key=hunter2'}]", "without user, password and query"),
        ("servers: [{name: a, command: x, env: {K: hunter2}}]", "env.K: write env:NAME or file:PATH"),
        ("servers: [{name: a, url: 'http://h/', headers: {K: hunter2}}]", "headers.K: write env:NAME"),
        ("servers: [{name: a, command: x, env: {K: [hunter2]}}]", "servers.0.env.K"),
        ("servers: [{name: a, command: x, timeout_s: 0}]", "timeout_s"),
        ("servers: [{name: a, command: x, effect: never}]", "effect"),
        ("servers: [{name: a, command: x, tools: [b], approval: [c]}]", "'c' is not among its tools"),
        ("servers: [{name: a, command: x, tools: [b], effects: {c: idempotent}}]", "'c' is not among"),
    ],
)
def test_what_is_wrong_is_said_without_a_secret(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ValueError, match=r"mcp\.yaml") as caught:
        read(tmp_path, text)

    assert told in str(caught.value)
    assert "hunter2" not in str(caught.value)
