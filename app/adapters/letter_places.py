"""Where dead letters stand, by their ids: places only, and so many in all that they never fill a worker."""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

MOST = 100_000  # about 200 bytes each

Placed = tuple[int, str]  # an offset, and the id of the letter there


@dataclass(slots=True)
class Index:
    """Of one partition, as far as it was read; the places in the order of their offsets."""

    places: dict[str, int] = field(default_factory=dict)
    last: Placed | None = None  # what was read last; reading on begins with it: does it stand there still?
    whole: bool = True  # nothing of what was read is forgotten

    def add(self, placed: Placed) -> None:
        """The next letter. One that is written twice, as plain delivery may after a crash, is the same."""
        offset, letter_id = placed
        self.places[letter_id] = offset
        self.last = placed


class LetterPlaces:
    """The indexes of all partitions; where there is no room, the one that was not used for longest goes."""

    def __init__(self, most: int = MOST) -> None:
        self._most: Final = most
        self._indexes: OrderedDict[int, Index] = OrderedDict()

    def of(self, partition: int) -> Index:
        """What is known of a partition."""
        index = self._indexes.setdefault(partition, Index())
        self._indexes.move_to_end(partition)
        return index

    def forget(self, partition: int) -> None:
        """What is known of it is not true any more."""
        self._indexes.pop(partition, None)

    def trim(self) -> None:
        """To be called as an index grows. Of the one in use the oldest letters are forgotten."""
        surplus = sum(len(index.places) for index in self._indexes.values()) - self._most
        while surplus > 0:
            partition, index = next(iter(self._indexes.items()))
            if len(self._indexes) > 1:
                surplus -= len(index.places)
                del self._indexes[partition]
                continue
            for letter_id in list(index.places)[:surplus]:
                del index.places[letter_id]
            index.whole = False
            return
