"""What paid calls add up to: what is settled, and apart from it what is only estimated. No I/O."""

from dataclasses import dataclass, field
from decimal import Decimal

from schemas.money import format_usd
from schemas.usage import UsageRecord, UsageState
from streams.policy.quotas import EXACT


@dataclass(slots=True)
class Figures:
    """Of some calls."""

    calls: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cost_usd: Decimal = Decimal(0)

    @property
    def tokens(self) -> int:
        """As limits and quotas count them: cached and reasoning ones are parts of the two."""
        return self.input_tokens + self.output_tokens

    def add(self, other: "Figures") -> None:
        """Those of more calls."""
        self.calls += other.calls
        self.input_tokens += other.input_tokens
        self.cached_tokens += other.cached_tokens
        self.output_tokens += other.output_tokens
        self.reasoning_tokens += other.reasoning_tokens
        self.cost_usd = EXACT.add(self.cost_usd, other.cost_usd)

    def packed(self) -> str:
        """As text, for a number may be larger than a database takes."""
        counts = (
            self.calls,
            self.input_tokens,
            self.cached_tokens,
            self.output_tokens,
            self.reasoning_tokens,
        )
        return " ".join([*map(str, counts), format_usd(self.cost_usd)])


@dataclass(slots=True)
class Sums:
    """The provider's figures, and ours of calls that were in flight at a crash."""

    settled: Figures = field(default_factory=Figures)
    unknown: Figures = field(default_factory=Figures)

    def count(self, record: UsageRecord) -> None:
        """One more call."""
        figures = self.unknown if record.state is UsageState.UNKNOWN else self.settled
        figures.add(figures_of(record))

    def add(self, other: "Sums") -> None:
        """More sums."""
        self.settled.add(other.settled)
        self.unknown.add(other.unknown)

    def packed(self) -> str:
        """See `unpacked`."""
        return f"{self.settled.packed()} {self.unknown.packed()}"

    @property
    def weight(self) -> tuple[Decimal, int]:
        """What cost more comes first; where nothing has a price, what took more tokens."""
        both = EXACT.add(self.settled.cost_usd, self.unknown.cost_usd)
        return both, self.settled.tokens + self.unknown.tokens


def figures_of(record: UsageRecord) -> Figures:
    """Those of one call."""
    return Figures(
        1,
        record.input_tokens,
        record.cached_tokens,
        record.output_tokens,
        record.reasoning_tokens,
        record.cost_usd,
    )


def unpacked(text: str) -> Sums:
    """The sums again."""
    words = text.split()
    half = len(words) // 2
    return Sums(_figures(words[:half]), _figures(words[half:]))


def _figures(words: list[str]) -> Figures:
    calls, given, cached, written, reasoning = map(int, words[:-1])
    return Figures(calls, given, cached, written, reasoning, Decimal(words[-1]))
