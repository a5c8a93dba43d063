"""The small field types that several records share: ids, counts, durations, digests."""

from typing import Annotated

from pydantic import Field

TENANT_ID_PATTERN = r"^[A-Za-z0-9._:-]{1,128}$"
AGENT_PATTERN = r"^[A-Za-z0-9._-]{1,128}(@[1-9][0-9]{0,8})?$"

RequestId = Annotated[str, Field(min_length=1, max_length=128)]
TenantId = Annotated[str, Field(pattern=TENANT_ID_PATTERN)]
# The contract gives sessions and users no bound; this one keeps keys and labels small.
Identifier = Annotated[str, Field(min_length=1, max_length=256)]
AgentRef = Annotated[str, Field(pattern=AGENT_PATTERN)]

# Strict: `true`, "3" and 3.5 are no counts.
Count = Annotated[int, Field(strict=True, ge=0)]
Positive = Annotated[int, Field(strict=True, ge=1)]
Milliseconds = Annotated[int, Field(strict=True, ge=0)]
Flag = Annotated[bool, Field(strict=True)]
Share = Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)]
