"""The options that several commands have, and mean the same by."""

from typing import Annotated

import typer

Actor = Annotated[str | None, typer.Option(help="Who does it; default: your login name @ this machine.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]
OnlyTenant = Annotated[str | None, typer.Option("--tenant", "-t", help="Only this tenant's.")]
TenantId = Annotated[str, typer.Argument(help="The tenant's id.")]
Timeout = Annotated[str, typer.Option(help="How long to wait for a worker's answer.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
