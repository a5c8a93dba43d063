"""`penstock demo`: everything at once, from nothing, in the terminal."""

import contextlib
import uuid
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer
from rich.console import Console

from app import lifetime
from app.adapters.clock import SystemClock
from app.brokers.broker import Broker, BrokerError
from app.brokers.embedded import EmbeddedBroker, EmbeddedOptions
from app.brokers.kafka import KafkaBroker, KafkaOptions
from app.demo.audience import Audience
from app.demo.patterns import EXAMPLES
from app.demo.recital import Recital
from app.demo.screen import Screen
from app.demo.stage import Cast, Stage, StageFailed
from app.settings import BadSettings, load

TIMEOUT_S = 60.0
LIVE_TIMEOUT_S = 180.0

BrokerName = Literal["embedded", "kafka"]


def demo(
    live: Annotated[bool, typer.Option(help="Ask the real provider (OPENAI_API_KEY).")] = False,
    broker: Annotated[
        BrokerName, typer.Option(help="embedded needs nothing; kafka needs Java 17.")
    ] = "embedded",
    pattern: Annotated[
        str | None, typer.Option(help="Only this pattern's example; `list` names them all.")
    ] = None,
) -> None:
    """Start a broker and a worker, send a dozen requests of three tenants, show what happens."""
    console = Console()
    if pattern is not None and pattern not in EXAMPLES:
        _list_patterns(console, pattern)
    try:
        if live and load().openai_api_key is None:
            raise StageFailed("--live asks the real provider: set OPENAI_API_KEY, or leave --live out")
        played = _play(console, live, broker) if pattern is None else _recite(console, live, broker, pattern)
        code = lifetime.run(lambda: played)
    except (BadSettings, BrokerError, StageFailed) as error:
        typer.echo(f"penstock demo cannot go on: {error}", err=True)
        raise typer.Exit(2) from error
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    raise typer.Exit(code)


async def _play(console: Console, live: bool, broker: BrokerName) -> int:
    clock, screen = SystemClock(), Screen(console)
    began = clock.now()
    cast = Cast(lambda home: _broker(broker, home), live, delivery=None)
    async with Stage(cast, screen.tell) as stage:
        screen.tell(f"ready after {clock.now() - began:.1f} s\n")
        sent = clock.now()
        audience = Audience(stage.settings, uuid.uuid4().hex[:8], clock.now)
        try:
            with screen.open(audience) or contextlib.nullcontext():
                async for event in audience.watch(LIVE_TIMEOUT_S if live else TIMEOUT_S):
                    screen.show(audience, event)
        except TimeoutError:
            console.print("[red]not everything was answered in time[/]")
        screen.close(audience, clock.now() - sent)
    return 0 if audience.complete else 1


async def _recite(console: Console, live: bool, broker: BrokerName, pattern: str) -> int:
    clock, screen = SystemClock(), Screen(console)
    cast = Cast(lambda home: _broker(broker, home), live, delivery=None, patterns=True)
    async with Stage(cast, screen.tell) as stage:
        example = EXAMPLES[pattern]
        screen.tell(f"{pattern}: {example.shows}\n")
        recital = Recital(stage.settings, console, uuid.uuid4().hex[:8], clock.now)
        try:
            completed = await recital.play(pattern, example, LIVE_TIMEOUT_S if live else TIMEOUT_S)
        except TimeoutError:
            console.print("[red]it was not answered in time[/]")
            completed = False
    return 0 if completed else 1


def _list_patterns(console: Console, asked: str) -> NoReturn:
    """What there is; an error where something else was asked for."""
    if asked != "list":
        typer.echo(f"there is no pattern {asked!r}; there are:", err=True)
    for name, example in EXAMPLES.items():
        console.print(f"  [cyan]{name:18}[/] {example.shows}", highlight=False)
    raise typer.Exit(0 if asked == "list" else 2)


def _broker(name: BrokerName, home: Path) -> Broker:
    if name == "kafka":
        return KafkaBroker(KafkaOptions(data_dir=home, short_lived=True))
    return EmbeddedBroker(EmbeddedOptions(data_dir=home))
