"""Tools that change orders of the tenant who is asking: refunds, cancellations, deliveries; each once."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal

from agents import RunContextWrapper, function_tool
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, WithJsonSchema

from agents_defs.determinism import now
from agents_defs.equipment import equipment
from agents_defs.run_context import RunContext
from agents_defs.shop_errands import Errand, RefundWish
from agents_defs.tool_effects import idempotency_key, idempotent
from agents_defs.tools.orders import OrderNumber, as_json
from agents_defs.tools.shop_access import in_shop, told_to_the_model

APPROVED_UP_TO = Decimal(100)
"""A larger refund waits for a person."""
MOST_REFUNDED = Decimal(100_000)
TIMEOUT_S = 10.0
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]


class Strict(BaseModel):
    """Arguments of tools: what is not asked for is refused, not ignored."""

    model_config = ConfigDict(extra="forbid")


class Reason(StrEnum):
    WRONG_ITEM = "wrong item"
    BROKEN = "broken on arrival"
    NOT_NEEDED = "not needed any more"
    CHARGED_TWICE = "charged twice"
    NEVER_ARRIVED = "never arrived"


class Money(Strict):
    """An amount, in the currency that the order was paid in."""

    # A plain number for the model: pydantic's own schema of a decimal has patterns that providers refuse.
    amount: Annotated[
        Decimal,
        Field(gt=0, le=MOST_REFUNDED, decimal_places=2, allow_inf_nan=False, description="Such as 184.90."),
        WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "maximum": int(MOST_REFUNDED)}),
    ]
    currency: Literal["EUR", "USD", "GBP", "CHF"]


class RefundRequest(Strict):
    """What is to be paid back, and why."""

    order: OrderNumber
    money: Money
    reason: Reason
    note: Annotated[str, Field(max_length=500, description="What the customer says about it.")] | None = None


class Address(Strict):
    """Where a parcel can be brought."""

    recipient: Line
    lines: Annotated[list[Line], Field(min_length=1, max_length=3, description="Street, building, floor.")]
    postal_code: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 -]{1,9}$")]
    city: Line
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$"), Field(description="Such as AT.")]


class Delivery(Strict):
    """Where to, and from which day on somebody is there."""

    address: Address
    not_before: Annotated[date | None, Field(description="A day, such as 2026-12-24.")] = None


async def needs_a_person(_context: RunContextWrapper[Any], arguments: dict[str, Any], _call_id: str) -> bool:
    """Decides by the arguments alone: asked again later, it must say the same."""
    try:
        request = RefundRequest.model_validate(arguments.get("request"))
    except ValidationError:
        return False  # the tool refuses them, for the same reason: there is nothing to decide about
    return request.money.amount > APPROVED_UP_TO


@idempotent
@function_tool(needs_approval=needs_a_person, timeout=TIMEOUT_S, failure_error_function=told_to_the_model)
async def request_refund(context: RunContextWrapper[RunContext], request: RefundRequest) -> str:
    """Asks for money of one order to be paid back: at most what it cost. Look the order up first."""
    today = (await now(context)).date()
    money = request.money
    wish = RefundWish(request.order, money.amount, money.currency, request.reason.value, request.note, today)
    errand = Errand(context.context.tenant_id, idempotency_key(context))
    return as_json(await in_shop(lambda shop: shop.request_refund(errand, wish)))


@idempotent
@function_tool(timeout=TIMEOUT_S, failure_error_function=told_to_the_model)
async def cancel_order(context: RunContextWrapper[RunContext], order: OrderNumber, reason: Reason) -> str:
    """Cancels an order that has not been sent yet. What was paid for it comes back."""
    today = (await now(context)).date()
    errand = Errand(context.context.tenant_id, idempotency_key(context))
    return as_json(await in_shop(lambda shop: shop.cancel_order(errand, order, reason.value, today)))


@idempotent
@function_tool(failure_error_function=told_to_the_model)
def change_delivery_address(
    context: RunContextWrapper[RunContext], order: OrderNumber, delivery: Delivery
) -> str:
    """Sends an order that has not been sent yet to another address, or not before a day."""
    # No `async`: the SDK calls this in a thread, where waiting for the database holds nobody up.
    errand = Errand(context.context.tenant_id, idempotency_key(context))
    address = delivery.address.model_dump(mode="json")
    done = equipment().shop().change_delivery(errand, order, address, delivery.not_before)
    return as_json(done)
