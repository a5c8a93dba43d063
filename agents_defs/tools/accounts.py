"""Tools that look up the accounts of the tenant who is asking, and help to log in."""

from __future__ import annotations

from hashlib import sha256
from typing import Annotated

from agents import RunContextWrapper, function_tool
from pydantic import Field

from agents_defs.run_context import RunContext
from agents_defs.shop import shop
from agents_defs.tools.orders import as_json

LINK_MINUTES = 60
Email = Annotated[
    str | None,
    Field(description="The e-mail address of the account. None: the account of whoever is asking."),
]


@function_tool
async def lookup_account(context: RunContextWrapper[RunContext], email: Email = None) -> str:
    """Looks up an account of the customer's company: name, role, plan, status, two-factor and last login."""
    run = context.context
    found = (
        shop().account(run.tenant_id, email) if email else shop().account_of_user(run.tenant_id, run.user_id)
    )
    return as_json(found or {"error": f"there is no account {email} in this company"})


@function_tool
async def reset_password_link(context: RunContextWrapper[RunContext], email: Email = None) -> str:
    """Makes a link to reset a forgotten password or unlock an account, and sends it to its address."""
    run = context.context
    found = (
        shop().account(run.tenant_id, email) if email else shop().account_of_user(run.tenant_id, run.user_id)
    )
    if found is None:
        return as_json({"error": f"there is no account {email} in this company"})
    token = sha256(f"{run.tenant_id}/{found['email']}/{run.request_id}".encode()).hexdigest()[:24]
    link = f"https://console.millrace.example/reset/{token}"
    return as_json({"sent_to": found["email"], "link": link, "valid_minutes": LINK_MINUTES})
