"""Tools that look up the accounts of the tenant who is asking, and help to log in."""

from __future__ import annotations

from hashlib import sha256
from typing import Annotated, Any

from agents import RunContextWrapper, function_tool
from pydantic import Field

from agents_defs.run_context import RunContext
from agents_defs.tool_effects import idempotent
from agents_defs.tools.orders import as_json
from agents_defs.tools.shop_access import in_shop, told_to_the_model

LINK_MINUTES = 60
Email = Annotated[
    str | None,
    Field(description="The e-mail address of the account. None: the account of whoever is asking."),
]


@function_tool(failure_error_function=told_to_the_model)
async def lookup_account(context: RunContextWrapper[RunContext], email: Email = None) -> str:
    """Looks up an account of the customer's company: name, role, plan, status, two-factor and last login."""
    run = context.context
    found = await _account(run, email)
    return as_json(found or {"error": f"there is no account {email} in this company"})


@idempotent
@function_tool(failure_error_function=told_to_the_model)
async def reset_password_link(context: RunContextWrapper[RunContext], email: Email = None) -> str:
    """Makes a link to reset a forgotten password or unlock an account, and sends it to its address."""
    run = context.context
    found = await _account(run, email)
    if found is None:
        return as_json({"error": f"there is no account {email} in this company"})
    token = sha256(f"{run.tenant_id}/{found['email']}/{run.request_id}".encode()).hexdigest()[:24]
    link = f"https://console.millrace.example/reset/{token}"
    return as_json({"sent_to": found["email"], "link": link, "valid_minutes": LINK_MINUTES})


async def _account(run: RunContext, email: str | None) -> dict[str, Any] | None:
    if email:
        return await in_shop(lambda shop: shop.account(run.tenant_id, email))
    return await in_shop(lambda shop: shop.account_of_user(run.tenant_id, run.user_id))
