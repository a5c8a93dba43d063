"""How tools reach the shop of their process, and what a model is told where that fails."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from agents import ModelBehaviorError

from agents_defs.equipment import equipment
from agents_defs.shop_errands import Refused

if TYPE_CHECKING:
    from agents import RunContextWrapper

    from agents_defs.shop import Shop

T = TypeVar("T")

UNREACHABLE = (
    "The shop's database does not answer. Whether something was changed is not known: tell the customer so, "
    "do not guess, and do not call the tool again."
)
FAILED = (
    "The tool failed. Tell the customer that this cannot be done now; do not guess what it would have said."
)
MOST_TOLD = 1000
_LOG = logging.getLogger("penstock.tools")


async def in_shop(work: Callable[[Shop], T]) -> T:
    """Does it in a thread of the database's, so that the event loop goes on."""
    mine = equipment()
    shop = mine.opened_shop
    if shop is None:
        shop = await asyncio.to_thread(mine.shop)
    return await shop.database.in_thread(work, shop)


def told_to_the_model(_context: RunContextWrapper[Any], error: Exception) -> str:
    """Words that help a model to go on. Details of a failure go to the log, never to a model."""
    if isinstance(error, ModelBehaviorError):
        return unfit(error)
    if isinstance(error, Refused):
        return f"Not done: {error}."
    from agents_defs.database import is_away  # SQLAlchemy takes a while to load

    _LOG.warning("a tool of the shop failed: %s", type(error).__name__)
    return UNREACHABLE if is_away(error) else FAILED


def unfit(error: ModelBehaviorError) -> str:
    """For arguments that are not what the tool takes: the model wrote them, and may see what is wrong."""
    return f"Nothing was done: the arguments do not fit. {error}"[:MOST_TOLD]
