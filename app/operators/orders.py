"""Gives one order to the workers and waits for what comes of it."""

from contextlib import aclosing

from app.client.company import company
from app.client.listening import Silence
from app.client.signing import Signer
from app.operators.control_line import ControlLine, Order
from schemas.audit import AuditRecord
from streams.options import KafkaOptions


async def obeyed(kafka: KafkaOptions, signer: Signer, order: Order, patience_s: float) -> AuditRecord:
    """The audit that answers it. Silence where no worker does."""
    line = ControlLine(kafka, signer)
    try:
        await line.open([order.tenant_id])
        async with company(kafka), aclosing(line.give([order], patience_s)) as answers:
            async for answer in answers:
                return answer.audit
    finally:
        await line.close()
    raise Silence
