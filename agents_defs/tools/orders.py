"""Tools that look up orders and refunds of the tenant who is asking."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from agents import RunContextWrapper, function_tool
from pydantic import Field

from agents_defs.run_context import RunContext
from agents_defs.tools.shop_access import in_shop, told_to_the_model

OrderNumber = Annotated[int, Field(description="The number of the order, such as 1042.", ge=1, le=2**31 - 1)]
Status = Literal["processing", "delayed", "shipped", "delivered", "cancelled", "returned"]


@function_tool(failure_error_function=told_to_the_model)
async def lookup_order(context: RunContextWrapper[RunContext], order: OrderNumber) -> str:
    """Looks up one order: where it is, its status, product, amount, carrier, tracking and delivery dates."""
    tenant_id = context.context.tenant_id
    found = await in_shop(lambda shop: shop.order(tenant_id, order))
    if found is None:
        newest = await in_shop(lambda shop: shop.orders(tenant_id, None, 3))
        numbers = [known["order"] for known in newest]
        return as_json({"error": f"there is no order {order}", "newest_orders": numbers})
    return as_json(found)


@function_tool(failure_error_function=told_to_the_model)
async def list_orders(
    context: RunContextWrapper[RunContext],
    status: Annotated[Status | None, Field(description="Only orders with this status.")] = None,
    limit: Annotated[int, Field(description="How many, the newest first.", ge=1, le=20)] = 5,
) -> str:
    """Lists the newest orders of the customer with status, product and amount."""
    tenant_id = context.context.tenant_id
    found = await in_shop(lambda shop: shop.orders(tenant_id, status, limit))
    listed = ("order", "product", "status", "total", "currency", "ordered_on", "expected_on")
    return as_json({"orders": [{name: order[name] for name in listed} for order in found]})


@function_tool(failure_error_function=told_to_the_model)
async def refund_status(context: RunContextWrapper[RunContext], order: OrderNumber) -> str:
    """Looks up the refund of an order: whether it was requested, approved or paid, amount and dates."""
    tenant_id = context.context.tenant_id
    found = await in_shop(lambda shop: shop.refund(tenant_id, order))
    if found is not None:
        return as_json(found)
    bought = await in_shop(lambda shop: shop.order(tenant_id, order))
    if bought is None:
        return as_json({"error": f"there is no order {order}"})
    return as_json({"order": order, "refund": "none was requested", "order_status": bought["status"]})


def as_json(value: Any) -> str:
    """A tool's result as a model reads it best."""
    return json.dumps(value, ensure_ascii=False)
