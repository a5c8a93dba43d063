"""The parent of every record on the wire: frozen, tolerant of fields it does not know."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class WireRecord(BaseModel):
    """Within a version fields are only added, so a reader skips what it does not know.

    `keeps_unset`: the record is written by people and rewritten by Penstock (a plan), so a field that they
    left out must stay out: it means "as the tier says", which its default value would not.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        use_attribute_docstrings=True,
        protected_namespaces=(),  # `model`, `models` and `model_calls` are fields of the contract
    )

    keeps_unset: ClassVar[bool] = False
