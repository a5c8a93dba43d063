"""A response as a test sees it: what it should have been, said in one line where it is not."""

from typing import Any, NoReturn, Self

from schemas.responses import AgentResponse, Status


class Answer:
    """One response. Each assertion returns it, so that they read as a sentence."""

    def __init__(self, record: AgentResponse) -> None:
        self.record = record

    def __repr__(self) -> str:
        return f"<Answer {self._story}>"

    @property
    def request_id(self) -> str:
        """Of the request."""
        return self.record.request_id

    @property
    def status(self) -> str:
        """completed, refused, failed, cancelled or expired."""
        return self.record.status.value

    @property
    def output(self) -> Any:
        """Text, or JSON where the agent has an output type; None where it did not complete."""
        return self.record.output

    @property
    def text(self) -> str:
        """The output of a request that completed, which has to be text."""
        output = self.completed().output
        if not isinstance(output, str):
            self._wrong(f"its output is no text but {output!r}: compare `output`")
        return output

    @property
    def code(self) -> str | None:
        """Of its error, if it has one."""
        return self.record.error.code if self.record.error else None

    def completed(self) -> Self:
        """It was answered."""
        return self._ended(Status.COMPLETED, None)

    def refused_with(self, code: str) -> Self:
        """It did not run, for this reason."""
        return self._ended(Status.REFUSED, code)

    def failed_with(self, code: str) -> Self:
        """Its run failed, in this way."""
        return self._ended(Status.FAILED, code)

    def cancelled(self) -> Self:
        """Somebody cancelled it."""
        return self._ended(Status.CANCELLED, None)

    def expired(self) -> Self:
        """Its deadline came first."""
        return self._ended(Status.EXPIRED, None)

    def _ended(self, status: Status, code: str | None) -> Self:
        __tracebackhide__ = True
        if self.record.status is not status or (code is not None and self.code != code):
            self._wrong(f"expected: {status.value}{f' with {code}' if code else ''}")
        return self

    def _wrong(self, expected: str) -> NoReturn:
        __tracebackhide__ = True
        raise AssertionError(f"{self._story}; {expected}")

    @property
    def _story(self) -> str:
        error = self.record.error
        if error is None:
            return f"{self.request_id} {self.status}: {self.output!r}"
        again = "" if error.retry_after_ms is None else f" (again after {error.retry_after_ms / 1000:g} s)"
        return f"{self.request_id} {self.status} with {error.code}: {error.message}{again}"
