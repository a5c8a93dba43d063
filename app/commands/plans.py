"""`penstock tenants set`, `remove`, `import`, `export`, `diff`: tenants' plans, changed and kept in files."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import orjson
import typer
from aiokafka.errors import KafkaConnectionError, KafkaTimeoutError, RequestTimedOutError

from app import lifetime
from app.commands.options import Actor, TenantId, Yes
from app.operators import plan_assignments, plan_change, plan_diff, plan_file
from app.operators.actor import this_person
from app.operators.errand import Errand
from app.operators.flags import is_tenant_id
from app.operators.plan_change import Change
from app.operators.plan_fields import BadPlan, Document, checked
from app.operators.plan_file import BadFile
from app.operators.plan_press import Overtaken, PlanPress
from app.operators.plan_standing import Standing, read_standing
from app.operators.slow_bar import SlowBar
from app.settings import load
from app.terminal import consent, exits, screen
from app.terminal.exits import Exit, Trouble
from streams.options import KafkaOptions

MOST_TOLD = 20
SILENT = (KafkaConnectionError, KafkaTimeoutError, RequestTimedOutError, TimeoutError)

Read = TypeVar("Read")

File = Annotated[Path, typer.Argument(help="YAML, as `export` writes it; - for standard input.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would be changed.")]
Reason = Annotated[str | None, typer.Option(help="Why; it stands beside the plan and its audit.")]
Prune = Annotated[bool, typer.Option("--prune", help="Remove the plans of tenants that the file leaves out.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object per plan that differs.")]


@dataclass(frozen=True, slots=True)
class Manner:
    """How to do it."""

    command: str
    errand: Errand
    dry_run: bool
    as_json: bool


def set_plan(
    tenant: TenantId,
    fields: Annotated[
        list[str] | None,
        typer.Argument(help="FIELD=VALUE, the value in YAML: tier=pro quota.tokens=50000000 limits='[...]'"),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file", "-f", help="YAML of the whole plan instead of the present one; - is standard input."
        ),
    ] = None,
    unset: Annotated[
        list[str] | None, typer.Option("--unset", help="Take this field out; may be said several times.")
    ] = None,
    reason: Reason = None,
    actor: Actor = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Change a tenant's plan: single fields, or the whole plan from a file.

    Exits with 0 when it is so, 1 when somebody else changed the plan meanwhile (nothing is written then), 2
    when it could not be done. A file without `paused` leaves that as it is.
    """
    with exits.told("tenants set"):
        _must_be_a_tenant(tenant)
        assigned = plan_assignments.assignments(fields or ())
        out = [plan_assignments.path_of(name) for name in unset or ()]
        if file is None and not assigned and not out:
            raise Trouble("say what to set: FIELD=VALUE, --unset FIELD, or --file plan.yaml")
        whole = None if file is None else _whole(file, tenant)
        manner = Manner("set", Errand(actor or this_person(), reason), dry_run, as_json)
        kafka, standing = _standing_of(tenant)
        present = standing.of(tenant)
        start = present.plan or {} if whole is None else plan_change.keeping_pause(present.plan, whole)
        wanted = _checked(tenant, plan_assignments.applied(start, assigned, out))
        changes = _with(plan_change.change(tenant, present, wanted))
    _write(kafka, standing, changes, manner)


def remove(
    tenant: TenantId,
    reason: Reason = None,
    actor: Actor = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Remove a tenant's plan: its tier's default holds from then on, also where the tenant was paused.

    Exits as `set` does.
    """
    with exits.told("tenants remove"):
        _must_be_a_tenant(tenant)
        manner = Manner("remove", Errand(actor or this_person(), reason), dry_run, as_json)
        kafka, standing = _standing_of(tenant)
        present = standing.of(tenant)
        changes = _with(plan_change.change(tenant, present, None))
        if changes and not dry_run:
            paused = (present.plan or {}).get("paused") is True
            _agree(f"Remove the plan of {tenant}{', which is paused and will go on' if paused else ''}?", yes)
    _write(kafka, standing, changes, manner)


def _standing_of(tenant: str) -> tuple[KafkaOptions, Standing]:
    kafka = load().stream().kafka
    standing = lifetime.run(lambda: read_standing(kafka, tenant))
    standing.require_readable([tenant])
    return kafka, standing


def import_plans(
    file: File,
    prune: Prune = False,
    reason: Reason = None,
    actor: Actor = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Make plans what a file says. All of it is checked before anything is written; what is so is left alone.

    A plan in the file takes the place of the tenant's whole plan, but for `paused`, which stays as it is
    where the file does not say it. With --prune a paused tenant that the file leaves out stays paused. Exits
    as `set` does.
    """
    with exits.told("tenants import"):
        manner = Manner("import", Errand(actor or this_person(), reason), dry_run, as_json)
        kafka, standing, changes = _differences(file, prune)
        removed = sum(1 for one in changes if one.kind == "removed")
        if removed and not dry_run:
            _agree(f"Remove the plans of {removed:,} {'tenant' if removed == 1 else 'tenants'}?", yes)
    _write(kafka, standing, changes, manner)


def diff(file: File, prune: Prune = False, as_json: AsJson = False) -> None:
    """Show what `import` would change. Exits with 0 where nothing differs, 1 where something does."""
    with exits.told("tenants diff"):
        _, _, changes = _differences(file, prune)
        _show(changes, as_json)
        typer.echo(plan_diff.summary(changes), err=True)
    raise typer.Exit(Exit.NOT_ALL if changes else Exit.OK)


def export(
    tenants: Annotated[
        list[str] | None, typer.Argument(metavar="[TENANT]...", help="Only these; default: all plans.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Into this file.")] = None,
    with_paused: Annotated[
        bool, typer.Option("--with-paused", help="Also write who is paused: for backups, and for moving.")
    ] = False,
) -> None:
    """Write plans as YAML that `import` takes: sorted, only fields that were set, without who is paused.

    Fields that this version does not know are left out; `import` leaves them alone.
    """
    with exits.told("tenants export"):
        for tenant in tenants or ():
            _must_be_a_tenant(tenant)
        kafka = load().stream().kafka
        standing = lifetime.run(lambda: read_standing(kafka))
        plans = {tenant: plan for tenant, one in standing.present.items() if (plan := one.plan) is not None}
        if missing := sorted(set(tenants or ()) - plans.keys()):
            raise Trouble(f"{', '.join(missing)}: no plan of its own; `penstock tenants list` shows who has")
        chosen = {tenant: plans[tenant] for tenant in tenants or plans}
        _put(plan_file.render(chosen if with_paused else _without_paused(chosen)), output)


def _without_paused(plans: dict[str, Document]) -> dict[str, Document]:
    """It is a state, which changes by the hour: each import of an older file would pause and resume."""
    paused = sum(plan.get("paused") is True for plan in plans.values())
    if paused:
        typer.echo(f"{paused:,} paused: the file does not say so (--with-paused writes it)", err=True)
    return {
        tenant: {name: value for name, value in plan.items() if name != "paused"}
        for tenant, plan in plans.items()
    }


def _put(text: str, output: Path | None) -> None:
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Trouble(f"{output} cannot be written: {error.strerror or error}") from None


def _differences(file: Path, prune: bool) -> tuple[KafkaOptions, Standing, Sequence[Change]]:
    text = plan_file.text_of(file)
    wanted = _read(lambda: plan_file.read_plans_file(text))
    kafka = load().stream().kafka
    standing = lifetime.run(lambda: read_standing(kafka))
    standing.require_readable(standing.passed_over if prune else wanted)
    return kafka, standing, plan_change.changes_of_file(standing.present, wanted, prune=prune)


def _must_be_a_tenant(text: str) -> None:
    if not is_tenant_id(text):
        raise Trouble(f"{text!r} is no tenant's id: it has 1 to 128 characters out of A-Z a-z 0-9 . _ : -")


def _read(read: Callable[[], Read]) -> Read:
    """What the file says; all that is wrong with it, on standard error."""
    try:
        return read()
    except BadFile as error:
        for line in error.lines[:MOST_TOLD]:
            typer.echo(line, err=True)
        if len(error.lines) > MOST_TOLD:
            typer.echo(f"and {len(error.lines) - MOST_TOLD} more", err=True)
        raise Trouble(f"nothing was done: {error}") from None


def _whole(file: Path, tenant: str) -> Document:
    text = plan_file.text_of(file)
    return _read(lambda: plan_file.read_plan_file(text, tenant))


def _checked(tenant: str, said: Document) -> Document:
    try:
        return checked(tenant, said)
    except BadPlan as error:
        raise Trouble(f"nothing was done: {tenant}: {error}") from None


def _with(change: Change | None) -> Sequence[Change]:
    return [] if change is None else [change]


def _agree(question: str, yes: bool) -> None:
    if not consent.given(question, yes=yes):
        typer.echo("nothing was done", err=True)
        raise typer.Exit(Exit.NOT_ALL)


def _show(changes: Sequence[Change], as_json: bool) -> None:
    for one in changes:
        if as_json:
            typer.echo(orjson.dumps(plan_diff.document(one)))
        else:
            typer.echo("\n".join(plan_diff.lines(one)))


def _write(kafka: KafkaOptions, standing: Standing, changes: Sequence[Change], manner: Manner) -> NoReturn:
    if not changes:
        typer.echo("nothing to change: it is so already", err=True)
        raise typer.Exit(Exit.OK)
    if manner.dry_run:
        _show(changes, manner.as_json)
        typer.echo(f"{plan_diff.summary(changes)}; nothing was written", err=True)
        raise typer.Exit(Exit.OK)
    exits.run(f"tenants {manner.command}", lambda: _written(kafka, standing, changes, manner))


async def _written(kafka: KafkaOptions, standing: Standing, changes: Sequence[Change], manner: Manner) -> int:
    press = PlanPress(kafka, manner.errand, standing)
    try:
        with SlowBar("plans", len(changes)) as bar:
            await press.write(changes, bar.add)
    except Overtaken as error:
        _tell_overtaken(error, manner)
        return Exit.NOT_ALL
    except SILENT as error:
        raise Trouble(
            f"Kafka stopped answering ({type(error).__name__}): say the same again, it writes what is missing"
        ) from error
    for one in changes:
        if manner.as_json:
            typer.echo(orjson.dumps(plan_diff.document(one)))
        else:
            typer.echo(plan_diff.told(one))
    if len(changes) > 1:
        typer.echo(plan_diff.summary(changes), err=True)
    return Exit.OK


def _tell_overtaken(error: Overtaken, manner: Manner) -> None:
    named: Collection[str] = error.tenants[:MOST_TOLD]
    for tenant in named:
        typer.echo(f"{tenant}: somebody else changed this plan meanwhile", err=True)
    if len(error.tenants) > len(named):
        typer.echo(f"and {len(error.tenants) - len(named)} more", err=True)
    said = (
        "written, over theirs: look at `penstock tail tenants --json` for what they wrote, and write it again"
        if error.written
        else "nothing was written: look at the plan with `penstock tenants show`, then say the same again"
    )
    typer.echo(screen.one_line(f"penstock tenants {manner.command}: {said}", 300), err=True)
