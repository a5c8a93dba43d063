"""Inquiries: who waits for the response to which request, found by its id and by its bytes."""

from streams.waiting import Identity, Waiting


class Inquiries:
    """Of the parked requests that asked others."""

    def __init__(self) -> None:
        self._by_id: dict[Identity, Waiting] = {}
        self._by_bytes: dict[str, Identity] = {}

    def add(self, waiting: Waiting) -> None:
        """It waits for all that it asked."""
        for request_id, sha256 in waiting.asked:
            self._by_id[waiting.identity[0], request_id] = waiting
            if sha256:
                self._by_bytes[sha256] = (waiting.identity[0], request_id)

    def remove(self, waiting: Waiting) -> None:
        """It waits no more."""
        for request_id, sha256 in waiting.asked:
            self._by_id.pop((waiting.identity[0], request_id), None)
            self._by_bytes.pop(sha256, None)

    def about(self, identity: Identity) -> Waiting | None:
        """Who waits for the response to this request."""
        return self._by_id.get(identity)

    def written_as(self, sha256: str) -> Identity | None:
        """The request that is waited for and has these bytes."""
        return self._by_bytes.get(sha256)
