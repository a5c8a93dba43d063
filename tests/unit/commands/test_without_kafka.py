"""What commands say before they connect to anything, and where nobody answers."""

from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner, Result

from app import cli

NOBODY = {
    "PENSTOCK_KAFKA_BOOTSTRAP": "127.0.0.1:1",
    "PENSTOCK_REDIS_URL": "redis://127.0.0.1:1/0",
    "OPENAI_API_KEY": "sk-very-secret",
}


def run(*words: str, stdin: str | bytes | None = None, **environment: str) -> Result:
    return CliRunner().invoke(cli.app, list(words), input=stdin, env={**NOBODY, **environment})


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No `.env` of whoever runs the tests."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["hello"], "say what to ask and for whom"),
        (["--tenant", "acme"], "say what to ask and for whom"),
        (["--tenant", "a b", "hello"], "not sent: tenant_id: must be 1 to 128 characters"),
        (["-t", "acme", "-a", "support@x", "hello"], "not sent: agent: must be an agent's name"),
        (["-t", "acme", "--deadline", "soon", "hello"], "--deadline: 'soon' is no time"),
        (["-t", "acme", "--timeout", "x", "hello"], "--timeout: 'x' is no duration"),
        (["-t", "acme", "-m", "novalue", "hello"], "--metadata 'novalue': write key=value"),
        (["-t", "acme", "--max-cost-usd", "1,5", "hello"], "not sent: max_cost_usd: must be a decimal"),
        (["-t", "acme", "x" * 300_000], "the input has 300000 bytes, at most 262144 are accepted"),
        (["--file", "none.jsonl"], "cannot read none.jsonl"),
        (["--file", "-", "hello"], "give no text"),
    ],
)
def test_a_request_that_cannot_be_sent_is_told_in_one_line(words: list[str], said: str) -> None:
    result = run("send", *words)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("penstock send: ")
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_bad_lines_of_standard_input_are_told_by_number() -> None:
    result = run("send", "-t", "acme", "--file", "-", stdin='{"input": "fine"}\n{"input": 5}\n')

    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        "-:2: input: must be a string or a list of input items (got a number)",
        "penstock send: nothing was sent: 1 of 2 lines are bad (see --skip-bad)",
    ]


@pytest.mark.parametrize(
    "words",
    [
        ["send", "-t", "acme", "hello"],
        ["tail", "responses"],
        ["topics", "create"],
        ["topics", "check"],
        ["topics", "describe"],
        ["approvals", "list"],
        ["approvals", "approve", "a1", "--yes"],
        ["dlq", "list"],
        ["dlq", "replay", "dl_12345", "--yes"],
        ["dlq", "drop", "dl_12345", "--yes"],
        ["cancel", "r-1", "--tenant", "acme"],
        ["parked", "list"],
        ["tenants", "pause", "acme"],
        ["tenants", "list"],
        ["tenants", "show", "acme"],
        ["usage"],
        ["usage", "--rebuild"],
    ],
)
def test_where_no_kafka_answers_it_is_said_what_to_do(words: list[str]) -> None:
    result = run(*words)

    assert (result.exit_code, result.stdout) == (2, "")
    assert "no Kafka answers at 127.0.0.1:1" in result.stderr
    assert "penstock broker start" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["tail", "responses", "--from", "soon"], "--from: 'soon' is no place"),
        (["tail", "responses", "--json", "--raw"], "--json and --raw exclude each other"),
        (["tenants", "pause", "a b"], "'a b' is no tenant's id"),
        (["tenants", "resume", "acme", "--timeout", "x"], "--timeout: 'x' is no duration"),
        (["tenants", "show", ""], "'' is no tenant's id"),
    ],
)
def test_what_a_command_cannot_do_is_told(words: list[str], said: str) -> None:
    result = run(*words)

    assert result.exit_code == 2
    assert said in result.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["dlq", "list", "--since", "soon"], "--since 'soon': write how long ago, such as 2h"),
        (["dlq", "replay", "--until", "soon"], "--until 'soon': write how long ago"),
        (["dlq", "replay", "dl_1", "--timeout", "x"], "--timeout: 'x' is no duration"),
        (["approvals", "approve", "a1", "--timeout", "x"], "--timeout: 'x' is no duration"),
        (["cancel", "r-1", "-t", "a b"], "--tenant 'a b': must be 1 to 128 characters"),
        (["cancel", "r" * 129, "-t", "acme"], "a request's id has 1 to 128 characters"),
        (["usage", "-t", "a b"], "'a b' is no tenant's id"),
        (["usage", "-t", "acme", "-t", ""], "'' is no tenant's id"),
        (["usage", "--since", "soon"], "--since 'soon': write how long ago, such as 2h"),
        (["usage", "--until", "2026-02-30"], "--until '2026-02-30': there is no such day"),
        (["usage", "--since", "0001-01-01"], "--since '0001-01-01': there is no such day"),
        (["usage", "--since", "1h", "--until", "2h"], "nothing lies between --since 1h and --until 2h"),
        (["usage", "--since", "2026-11-02", "--until", "2026-11-02"], "the first must be earlier"),
        (["usage", "--month", "11"], "--month '11': write a month such as 2026-11"),
        (["usage", "--month", "2026-13"], "--month '2026-13': write a month such as 2026-11"),
        (["usage", "--month", "9999-12"], "--month '9999-12': write a month such as 2026-11"),
        (["usage", "--month", "2026-11", "--since", "1h"], "say --month, or --since and --until, not both"),
        (["usage", "--csv", "--json"], "--csv and --json exclude each other"),
        (["usage", "--rebuild", "--since", "1h"], "--rebuild is about a whole month"),
        (["usage", "--rebuild", "--by", "day"], "--rebuild is about a whole month"),
    ],
)
def test_what_operators_cannot_do_is_told_in_one_line(words: list[str], said: str) -> None:
    result = run(*words)

    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "words", [["send", "-t", "a", "x"], ["tail", "responses"], ["topics", "check"], ["config"], ["topology"]]
)
def test_a_bad_setting_is_told_by_every_command(words: list[str]) -> None:
    result = run(*words, PENSTOCK_PARTITIONS="many")

    assert result.exit_code == 2
    assert "PENSTOCK_PARTITIONS='many': " in result.stderr


def test_paths_are_shown_as_they_were_written() -> None:
    result = run("config", "--json", PENSTOCK_KEYS_FILE="keys/of/acme.json")

    assert orjson.loads(result.stdout)["PENSTOCK_KEYS_FILE"]["value"] == "keys/of/acme.json"
    assert "keys/of/acme.json" in run("config", PENSTOCK_KEYS_FILE="keys/of/acme.json").stdout


def test_the_settings_are_shown_with_their_origin_and_without_secrets(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PENSTOCK_DRAIN_S=5\nPENSTOCK_APP_ID=\n")

    result = run("config", "--json", PENSTOCK_REDIS_URL="redis://user:hidden@cache:6379/0")

    rows = orjson.loads(result.stdout)
    assert rows["PENSTOCK_DRAIN_S"] == {"value": 5.0, "from": ".env", "default": 30.0}
    assert rows["PENSTOCK_APP_ID"]["from"] == "default"
    assert rows["PENSTOCK_KAFKA_BOOTSTRAP"]["from"] == "environment"
    assert rows["PENSTOCK_REDIS_URL"]["value"] == "redis://********@cache:6379/0"
    assert "sk-very-secret" not in result.stdout + run("config").stdout
    assert "hidden" not in result.stdout


def test_the_reference_of_settings_is_markdown() -> None:
    result = run("config", "--reference")

    assert "| `PENSTOCK_KAFKA_BOOTSTRAP` | `127.0.0.1:9092` |" in result.stdout


@pytest.mark.parametrize(
    ("form", "said"),
    [("text", "  my.requests "), ("mermaid", 't0[/"my.requests"/]'), ("json", '"my.requests"')],
)
def test_the_topology_is_that_of_this_deployment(form: str, said: str) -> None:
    result = run("topology", "--format", form, PENSTOCK_TOPIC_PREFIX="my.")

    assert result.exit_code == 0
    assert said in result.stdout
