"""Requests that end without going on: their deadline passed, or somebody cancelled them."""

from dataclasses import replace
from typing import Final

from schemas.failures import Code
from streams.completion import Completion
from streams.conveyor import Conveyor
from streams.entries import Entry
from streams.feeds import feed_of
from streams.flow import Accepted, Invalid, Problem
from streams.judgement import expired, status_of
from streams.ports import Clock
from streams.waiting import Identity


class Endings:
    """Ends what waits in a lane, and what runs."""

    def __init__(self, pipeline: Conveyor, completion: Completion, clock: Clock) -> None:
        self._pipeline: Final = pipeline
        self._completion: Final = completion
        self._clock: Final = clock

    def expire(self, entry: Entry) -> None:
        """Who waits for its session or a slot beyond its deadline is answered at once, and never started."""
        candidate = entry.candidate
        if self._pipeline.register.lives(entry) and entry.task is None and isinstance(candidate, Accepted):
            problem = Problem(Code.EXPIRED, "the deadline passed before the run was started")
            self.end(entry, problem)

    def end(self, entry: Entry, problem: Problem) -> None:
        """It is answered without being run (on)."""
        candidate = entry.candidate
        if not isinstance(candidate, Accepted):
            return
        entry.ending = problem
        if entry.began or entry.attempt > 1 or (entry.parked is not None and entry.parked.started):
            self._pipeline.spawn(
                entry, self._pipeline.run(entry, candidate)
            )  # what it cost is still to be gathered
            return
        self.without_run(entry, candidate, problem)

    def without_run(self, entry: Entry, candidate: Accepted | Invalid, problem: Problem) -> None:
        """It is answered, and nobody asks what it may have cost."""
        queued_s = self._clock.now() - candidate.received
        outcome = replace(expired(queued_s), status=status_of(problem.code), problem=problem)
        outcome = replace(outcome, generation=entry.generation)
        self._pipeline.spawn(
            entry, self._completion.finish(self._pipeline, entry, candidate, outcome, feed_of(entry))
        )

    def cancel(self, key: Identity, problem: Problem) -> bool:
        """End a request that is in the pipeline; False where it is not, or has its outcome already."""
        entry = self._pipeline.register.find(key)
        if entry is None or entry.outcome is not None or not isinstance(entry.candidate, Accepted):
            return False
        if entry.task is not None and not (entry.running or entry.suspended):
            return False  # its outcome is being written
        if entry.cancelled:
            return True  # somebody did before
        entry.ending = problem
        if entry.suspended:
            return True  # it is looked at when the record is written
        if entry.task is not None:
            entry.cancelled = True
            entry.task.cancel()
        elif entry.queued:
            self.end(entry, problem)
        return True
