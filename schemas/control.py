"""ControlCommand: what a person or a program tells Penstock to do; the value of the control topic."""

from enum import StrEnum
from types import MappingProxyType
from typing import Self

from pydantic import ConfigDict, Field, model_validator

from schemas.fields import RequestId
from schemas.record import WireRecord
from schemas.times import At


class Command(StrEnum):
    CANCEL = "cancel"
    APPROVE = "approve"
    REJECT = "reject"
    PAUSE = "pause"
    RESUME = "resume"
    REPLAY = "replay"


# pause and resume need none: they are about the tenant in the record's key.
REQUIRED_FIELDS = MappingProxyType(
    {
        Command.CANCEL: ("request_id",),
        Command.APPROVE: ("approval_id", "arguments_digest"),
        Command.REJECT: ("approval_id",),
        Command.PAUSE: (),
        Command.RESUME: (),
        Command.REPLAY: ("dead_letter_id",),
    }
)


class ControlCommand(WireRecord):
    """Its tenant is the record's key."""

    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [
                {
                    "if": {"properties": {"command": {"const": command.value}}},
                    "then": {"required": list(required)},
                }
                for command, required in REQUIRED_FIELDS.items()
                if required
            ]
        }
    )

    command: Command
    request_id: RequestId | None = None
    approval_id: str | None = Field(default=None, min_length=1)
    arguments_digest: str | None = Field(default=None, min_length=1)
    """Of the arguments that the person saw: others are not approved by it."""
    dead_letter_id: str | None = Field(default=None, min_length=1)
    actor: str | None = None
    reason: str | None = None
    at: At | None = None

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        missing = [name for name in REQUIRED_FIELDS[self.command] if getattr(self, name) is None]
        if missing:
            raise ValueError(f"{self.command} needs {' and '.join(missing)}")
        return self
