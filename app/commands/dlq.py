"""`penstock dlq`: dead letters: lists them, shows them, replays them, drops them."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Annotated

import orjson
import typer

from app import lifetime, startup
from app.adapters.clock import SystemClock
from app.client.listening import Silence
from app.client.signing import signer_of
from app.commands.options import Actor, AsJson, DryRun, OnlyTenant, Yes
from app.operators import letter_choice, letter_text
from app.operators.actor import this_person
from app.operators.done_bar import done_bar
from app.operators.errand import Errand
from app.operators.flags import moment_ago, patience_s, silence_line
from app.operators.letter_choice import Choice
from app.operators.letters import Letter, LetterFilter
from app.operators.notary import Notary
from app.operators.replay_steps import Step, Way
from app.operators.replay_work import ReplayWork, replay_work
from app.operators.replaying import Replay, Replayed
from app.operators.verdict_text import REFUSED
from app.settings import load
from app.terminal import consent, exits, screen
from app.terminal.exits import Exit, Trouble
from app.terminal.screen import one_line
from schemas.failures import Stage
from streams.options import KafkaOptions

AT_ONCE = 200

dlq = typer.Typer(no_args_is_help=True, help="Dead letters: what could not be done, with the exact bytes.")

Ids = Annotated[
    list[str] | None, typer.Argument(help="Ids of dead letters, or as much of each as only one has.")
]
CodeFlag = Annotated[str | None, typer.Option(help="Only with this code: tool_failed, undecodable, …")]
StageFlag = Annotated[Stage | None, typer.Option(help="Only those that were stopped there.")]
Agent = Annotated[str | None, typer.Option("--agent", "-a", help="Only of requests to this agent.")]
Since = Annotated[str | None, typer.Option(help="Only from then on: 2h (ago), or 2026-11-21T07:00:00Z.")]
Until = Annotated[str | None, typer.Option(help="Only before then: 1h (ago), or a time.")]
Retriable = Annotated[
    bool | None, typer.Option("--retriable/--no-retriable", help="Only what may succeed later, or only not.")
]
Limit = Annotated[int | None, typer.Option("--limit", "-n", min=1, help="At most so many, the newest.")]
Reason = Annotated[str | None, typer.Option(help="Why; it stands in the command.")]
AsJsonLines = Annotated[bool, typer.Option("--json", help="One JSON object per dead letter.")]


@dataclass(frozen=True, slots=True)
class Manner:
    """How to do it."""

    errand: Errand
    patience_s: float
    dry_run: bool
    yes: bool
    as_json: bool


@dlq.command("list")
def list_letters(
    tenant: OnlyTenant = None,
    code: CodeFlag = None,
    stage: StageFlag = None,
    agent: Agent = None,
    since: Since = None,
    until: Until = None,
    retriable: Retriable = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")] = 50,
    everything: Annotated[bool, typer.Option("--all", help="Those that were dropped, too.")] = False,
    as_json: AsJsonLines = False,
) -> None:
    """Show the dead letters, the newest on top; those that were dropped are left out."""
    with exits.told("dlq list"):
        kafka = load().stream().kafka
        wanted = _filter(tenant, code, stage, agent, since, until, retriable)
    exits.run("dlq list", lambda: _list(kafka, wanted, limit, everything, as_json))


@dlq.command()
def show(
    dead_letter_id: Annotated[
        str, typer.Argument(help="Its id, or as much of it as only one dead letter has.")
    ],
    as_json: AsJson = False,
) -> None:
    """Show one of them whole: what happened, the stack, and the record as it came."""
    with exits.told("dlq show"):
        kafka = load().stream().kafka
    exits.run("dlq show", lambda: _show(kafka, dead_letter_id, as_json))


@dlq.command()
def replay(
    ids: Ids = None,
    tenant: OnlyTenant = None,
    code: CodeFlag = None,
    stage: StageFlag = None,
    agent: Agent = None,
    since: Since = None,
    until: Until = None,
    retriable: Retriable = None,
    limit: Limit = None,
    reason: Reason = None,
    actor: Actor = None,
    sign: Annotated[
        bool, typer.Option("--sign", help="Sign with your key what is sent again: you vouch for it.")
    ] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    timeout: Annotated[str, typer.Option(help="Give up after so long without any answer.")] = "30s",
    as_json: AsJsonLines = False,
) -> None:
    """Run failed requests again, and send again what could not be read. By ids, or by filters.

    Filters leave out what was replayed or dropped before; ids do not. Exits with 0 when all were replayed, 1
    when some were not, 2 when it could not be done, 3 when no worker answered.
    """
    with exits.told("dlq replay"):
        settings = load()
        kafka, signer = settings.stream().kafka, signer_of(settings)
        if sign and signer.key is None:
            raise Trouble("--sign: there is no key to sign with, so set PENSTOCK_SIGNING_KEY_FILE")
        wanted = _filter(tenant, code, stage, agent, since, until, retriable)
        errand = Errand(actor or this_person(), reason, signer, vouches=sign)
        manner = Manner(errand, patience_s(timeout), dry_run, yes, as_json)
        work = lifetime.run(lambda: _work(kafka, ids or (), wanted, limit))
        _agreed(work, manner)
    exits.run("dlq replay", lambda: _replay(kafka, work, manner))


@dlq.command()
def drop(
    ids: Ids = None,
    tenant: OnlyTenant = None,
    code: CodeFlag = None,
    stage: StageFlag = None,
    agent: Agent = None,
    since: Since = None,
    until: Until = None,
    retriable: Retriable = None,
    limit: Limit = None,
    actor: Actor = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJsonLines = False,
) -> None:
    """Say that dead letters are dealt with: `list` leaves them out from then on. By ids, or by filters.

    They stay on their topic, and `replay` with their ids still works.
    """
    with exits.told("dlq drop"):
        kafka = load().stream().kafka
        wanted = _filter(tenant, code, stage, agent, since, until, retriable)
        manner = Manner(Errand(actor or this_person()), 0.0, dry_run, yes, as_json)
        choice = lifetime.run(lambda: _chosen(kafka, ids or (), wanted, limit))
        letters = _to_drop(choice, manner)
    exits.run("dlq drop", lambda: _drop(kafka, letters, manner))


def _filter(
    tenant: str | None,
    code: str | None,
    stage: Stage | None,
    agent: str | None,
    since: str | None,
    until: str | None,
    retriable: bool | None,
) -> LetterFilter:
    at = SystemClock.at()
    return LetterFilter(
        tenant,
        code,
        stage,
        agent,
        moment_ago(since, "--since", at),
        moment_ago(until, "--until", at),
        retriable,
    )


async def _list(
    kafka: KafkaOptions, wanted: LetterFilter, limit: int, everything: bool, as_json: bool
) -> int:
    choice = await letter_choice.by_filter(
        kafka, wanted, limit, hide_replayed=False, hide_dropped=not everything
    )
    if as_json:
        for found in choice.letters:
            typer.echo(orjson.dumps(letter_text.document(found, choice.deeds)))
    elif choice.letters:
        screen.out().print(letter_text.table(choice.letters, choice.deeds, SystemClock.at()))
    else:
        typer.echo("no dead letters" + (" of those that you asked for" if wanted.narrows else ""), err=True)
    if choice.left_out:
        typer.echo(f"{choice.left_out} dropped ones are left out: --all shows them", err=True)
    if choice.beyond:
        typer.echo(f"{choice.beyond} older ones are left out: --limit shows more", err=True)
    return Exit.OK


async def _show(kafka: KafkaOptions, dead_letter_id: str, as_json: bool) -> int:
    choice = await letter_choice.by_id(kafka, [dead_letter_id], with_bytes=True)
    (found,) = choice.letters
    if as_json:
        document = letter_text.whole_document(found, choice.deeds)
        typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2))
    else:
        typer.echo(letter_text.whole(found, choice.deeds, SystemClock.at()))
    return Exit.OK


async def _chosen(kafka: KafkaOptions, ids: Sequence[str], wanted: LetterFilter, limit: int | None) -> Choice:
    await startup.check_kafka(kafka)
    return await letter_choice.to_act_on(kafka, ids, wanted, limit)


async def _work(
    kafka: KafkaOptions, ids: Sequence[str], wanted: LetterFilter, limit: int | None
) -> ReplayWork:
    await startup.check_kafka(kafka)
    return await replay_work(kafka, ids, wanted, limit, SystemClock.at())


def _agreed(work: ReplayWork, manner: Manner) -> None:
    """Say what is going to be done, and go on where the person means it."""
    outlook = work.outlook
    _tell_left_out(work.left_out, work.beyond)
    if not outlook.ways:
        typer.echo("no dead letter to replay", err=True)
        raise typer.Exit(Exit.OK)
    for step in outlook.left_alone:
        typer.echo(one_line(f"{step.letter.id} is left alone: {step.why}", 300), err=True)
    for line in outlook.warnings(signed=manner.errand.vouches):
        typer.echo(line, err=True)
    typer.echo(outlook.summary(), err=True)
    if manner.dry_run:
        lifetime.run(lambda: _print_plan(work, manner))
        raise typer.Exit(Exit.OK)
    if not outlook.possible:
        raise typer.Exit(Exit.NOT_ALL)
    _require_consent(f"Replay {_letters(outlook.ways.total())}?", manner)


async def _print_plan(work: ReplayWork, manner: Manner) -> None:
    async with aclosing(work.batches()) as batches:
        async for steps in batches:
            for step in steps:
                _print_step(step, manner)


def _print_step(step: Step, manner: Manner) -> None:
    letter = step.letter.letter
    if manner.as_json:
        row = {"dead_letter_id": step.letter.id, "code": letter.code, "way": step.way, "why": step.why}
        typer.echo(orjson.dumps(row))
    else:
        said = f": {step.why}" if step.why else ""
        who = f"tenant {step.letter.tenant or '-'}, request {letter.request_id or '-'}"
        typer.echo(one_line(f"{step.letter.id} {step.way}, {letter.code}, {who}{said}", 500))


async def _replay(kafka: KafkaOptions, work: ReplayWork, manner: Manner) -> int:
    tally: Counter[str] = Counter()
    silence: str | None = None
    bar, task = done_bar("replayed", work.outlook.possible)

    def count(one: Replayed) -> None:
        tally[one.outcome if one.code is None else f"{one.outcome} {one.code}"] += 1
        bar.advance(task)

    with bar:
        async with aclosing(work.batches()) as batches:
            async for steps in batches:
                silence = await _replay_batch(Replay(kafka, steps, manner.errand), steps, manner, count)
                if silence is not None:
                    break
    if work.outlook.possible > 1 and tally:
        typer.echo(", ".join(f"{count} {outcome}" for outcome, count in tally.most_common()), err=True)
    if silence is not None:
        typer.echo(f"penstock dlq replay: {silence}", err=True)
        return Exit.TIMED_OUT
    done = tally["done"] + tally["sent"]
    return Exit.OK if done == work.outlook.ways.total() else Exit.NOT_ALL


async def _replay_batch(
    replaying: Replay, steps: Sequence[Step], manner: Manner, count: Callable[[Replayed], None]
) -> str | None:
    """What to say where no worker answers."""
    try:
        async with aclosing(replaying.results(manner.patience_s)) as results:
            async for one in results:
                count(one)
                _print_replayed(one, manner)
    except Silence:
        tenant = next(step.letter.tenant or "-" for step in steps if step.way is Way.RUN_AGAIN)
        return silence_line(manner.patience_s, tenant, replaying.unanswered)
    except asyncio.CancelledError:
        typer.echo(f"interrupted: {replaying.unanswered} commands stand and will be acted on", err=True)
        raise
    return None


def _print_replayed(one: Replayed, manner: Manner) -> None:
    place = one.place
    if manner.as_json:
        row: dict[str, object] = {
            "dead_letter_id": one.letter.id,
            "outcome": one.outcome,
            "code": one.code,
        }
        if place is not None:
            row |= {"partition": place[0], "offset": place[1]}
        typer.echo(orjson.dumps(row))
    elif place is not None:
        _echo(one.letter, f"sent again, to partition {place[0]} at offset {place[1]}")
    elif one.outcome == "done":
        _echo(one.letter, "runs again as the next generation")
    else:
        code = one.code or one.outcome
        _echo(one.letter, f"{one.outcome}, {code}: {REFUSED.get(code, 'see the audit topic')}")


def _echo(found: Letter, said: str) -> None:
    typer.echo(one_line(f"{found.id} {said}", 400))


def _to_drop(choice: Choice, manner: Manner) -> Sequence[Letter]:
    letters = [found for found in choice.letters if found.id not in choice.deeds.dropped]
    before = choice.left_out + len(choice.letters) - len(letters)
    _tell_left_out(before, choice.beyond)
    if not letters:
        typer.echo("no dead letter to drop", err=True)
        raise typer.Exit(Exit.OK)
    if manner.dry_run:
        for found in letters:
            _print_dropped(found, manner, "would be dropped")
        raise typer.Exit(Exit.OK)
    _require_consent(f"Drop {_letters(len(letters))}?", manner)
    return letters


async def _drop(kafka: KafkaOptions, letters: Sequence[Letter], manner: Manner) -> int:
    notary = Notary(kafka, manner.errand)
    bar, task = done_bar("dropped", len(letters))
    try:
        await notary.open()
        with bar:
            for start in range(0, len(letters), AT_ONCE):
                together = letters[start : start + AT_ONCE]
                await asyncio.gather(*(notary.drop(found) for found in together))
                bar.advance(task, len(together))
                for found in together:
                    _print_dropped(found, manner, "dropped")
    finally:
        await notary.close()
    return Exit.OK


def _print_dropped(found: Letter, manner: Manner, said: str) -> None:
    if manner.as_json:
        typer.echo(orjson.dumps({"dead_letter_id": found.id, "outcome": said}))
    else:
        _echo(found, said)


def _tell_left_out(before: int, beyond: int) -> None:
    if before:
        typer.echo(f"{before} left out: replayed or dropped before", err=True)
    if beyond:
        typer.echo(f"{beyond} older ones are left out: --limit", err=True)


def _require_consent(question: str, manner: Manner) -> None:
    if not consent.given(question, yes=manner.yes):
        typer.echo("nothing was done", err=True)
        raise typer.Exit(Exit.NOT_ALL)


def _letters(count: int) -> str:
    return "this dead letter" if count == 1 else f"these {count} dead letters"
