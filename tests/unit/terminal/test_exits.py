"""However a command ends, there is one line at most, and the right exit code."""

import typer
from aiokafka.errors import InvalidReplicationFactorError
from typer.testing import CliRunner

from app.settings import BadSettings
from app.startup import CannotStart
from app.terminal import exits
from app.terminal.exits import Exit, Trouble


def ended(error: BaseException) -> tuple[int, str, str]:
    app = typer.Typer()

    @app.command()
    def command() -> None:
        with exits.told("send"):
            raise error

    result = CliRunner().invoke(app, [])
    return result.exit_code, result.stdout, result.stderr


def test_trouble_is_one_line_and_says_whose() -> None:
    assert ended(Trouble("no such\nfile")) == (Exit.CANNOT, "", "penstock send: no such file\n")


def test_what_stops_a_worker_stops_a_command_as_well() -> None:
    assert ended(CannotStart("no Kafka")) == (Exit.CANNOT, "", "penstock send: no Kafka\n")
    assert ended(BadSettings("X='y': no")) == (Exit.CANNOT, "", "penstock send: X='y': no\n")


def test_what_kafka_refuses_is_told_without_its_decoration() -> None:
    code, _, said = ended(InvalidReplicationFactorError("only 1 broker"))

    assert code == Exit.CANNOT
    assert said == "penstock send: Kafka refused this: only 1 broker\n"


def test_ctrl_c_is_silent() -> None:
    assert ended(KeyboardInterrupt()) == (Exit.INTERRUPTED, "", "")


def test_a_coroutine_says_how_it_ended() -> None:
    app = typer.Typer()

    async def main() -> int:
        return Exit.TIMED_OUT

    @app.command()
    def command() -> None:
        exits.run("send", main)

    assert CliRunner().invoke(app, []).exit_code == Exit.TIMED_OUT
