"""Samples what the main thread's CPU time goes into, from within the process.

A timer on CPU time interrupts it; each sample weighs what the thread has used since the last one, so that
neither waiting nor other threads count. A signal that arrives in native code is handled by the next Python
code: where that has only just been entered from the event loop, the time was the loop's own.
"""

import dis
import signal
import time
from collections import defaultdict
from collections.abc import Sequence
from types import CodeType, FrameType
from typing import Final

INTERVAL_S = 0.002
LOOP = "event loop, sockets"
RUNNER = "asyncio/runners.py"


class CpuSampler:
    """CPU seconds by stage and by function."""

    def __init__(self, stages: Sequence[tuple[str, str]]) -> None:
        """`stages`: part of a file's path, and the stage its code belongs to; the first that fits counts."""
        self._rules: Final = stages
        self._stage_of: Final[dict[str, str | None]] = {}
        self._entries: Final[dict[CodeType, frozenset[int]]] = {}
        self._last = 0.0
        self.by_stage: Final[defaultdict[str, float]] = defaultdict(float)
        self.by_function: Final[defaultdict[str, float]] = defaultdict(float)  # inclusive

    def start(self) -> None:
        """Begin; only in the main thread, whose signals these are."""
        self.by_stage.clear()
        self.by_function.clear()
        self._last = time.thread_time()
        signal.signal(signal.SIGPROF, self._sample)
        signal.setitimer(signal.ITIMER_PROF, INTERVAL_S, INTERVAL_S)

    def stop(self) -> None:
        """End."""
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, signal.SIG_IGN)

    def _sample(self, _: int, frame: FrameType | None) -> None:
        now = time.thread_time()
        weight, self._last = now - self._last, now
        self.by_stage[self._stage(frame)] += weight
        seen = set()
        while frame is not None:
            seen.add(frame.f_code)
            frame = frame.f_back
        for code in seen:
            self.by_function[f"{code.co_qualname} {'/'.join(code.co_filename.split('/')[-3:])}"] += weight

    def _stage(self, frame: FrameType | None) -> str:
        if frame is None or self._only_just_entered(frame):
            return LOOP
        while frame is not None:
            stage = self._of_file(frame.f_code.co_filename)
            if stage is not None:
                return stage
            frame = frame.f_back
        return LOOP

    def _only_just_entered(self, frame: FrameType) -> bool:
        caller = frame.f_back
        if caller is None or not caller.f_code.co_filename.endswith(RUNNER):
            return False
        entries = self._entries.get(frame.f_code)
        if entries is None:
            entries = frozenset(
                at.offset for at in dis.get_instructions(frame.f_code) if at.opname == "RESUME"
            )
            self._entries[frame.f_code] = entries
        return frame.f_lasti in entries

    def _of_file(self, path: str) -> str | None:
        if path not in self._stage_of:
            self._stage_of[path] = next((stage for part, stage in self._rules if part in path), None)
        return self._stage_of[path]
