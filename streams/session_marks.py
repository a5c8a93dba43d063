"""Up to where a run has read its session, where sessions stand beside the journals."""

from dataclasses import dataclass

import orjson


@dataclass(frozen=True, slots=True)
class SessionMark:
    """The same for all attempts at a request, so that each reads what the first one read."""

    epoch: int  # how often the session was deleted before
    upto: int  # the store's number of the last turn that was read
    turns: int  # how many those were

    def encoded(self) -> bytes:
        """As it stands in the journal."""
        return orjson.dumps([self.epoch, self.upto, self.turns])


def decoded(raw: bytes) -> SessionMark:
    """The mark again."""
    return SessionMark(*orjson.loads(raw))
