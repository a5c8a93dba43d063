"""The stream as somebody's tests see it: requests in, time passes, records out; all in memory."""

import asyncio
from collections.abc import Mapping
from random import Random
from typing import Any, Self

from agents_defs.agent_spec import AgentSpec
from agents_defs.model_access import FixedAccess, ModelAccess
from agents_defs.prices import FREE_OFFLINE, Rates
from agents_defs.recovery import Recovery
from agents_defs.registry import Registry
from agents_defs.runner import AgentRunner
from agents_defs.testing.scripted_model import ScriptedModel
from app.testing.answers import Answer
from app.testing.delta_reader import DeltaReader
from app.testing.flume import Flume, World
from app.testing.memory_outbox import NAMES
from app.testing.requests import body
from app.testing.waiting_clock import WaitingClock
from schemas.responses import AgentResponse
from streams.parked import Parked, PendingApproval, decode_parked

PATIENCE_S = 10.0
"""For what a test waits for outside of the stream: tools that do something."""
STEPS = 20
QUIET = 3
Document = dict[str, Any]


class StreamTest:
    """A deployment of one worker. What it is made of can be changed until the first request is sent."""

    def __init__(self, model: Any, registered: Registry) -> None:
        self.model = model
        """The model behind all names: scripted_model, where the test does not give another one."""
        self.rates: Rates = FREE_OFFLINE
        """What its tokens cost."""
        self.options: dict[str, Any] = {}
        """Of the pipeline, as max_in_flight or park_after_s."""
        self.clock = WaitingClock()
        self.world = World()
        self.world.clock = self.clock
        self._specs = {(one.name, one.version): one for one in registered.specs()}
        self._flume: Flume | None = None
        self._feeds: list[Document] = []
        self._sent = 0

    # -- what it is made of

    def register(self, *specs: AgentSpec) -> Self:
        """These agents, too; a name and version that is registered already is replaced."""
        if self._flume is not None:
            raise AssertionError("register agents before the first request is sent")
        self._specs |= {(one.name, one.version): one for one in specs}
        return self

    def plan(self, tenant_id: str, **fields: Any) -> None:
        """The tenant's plan is this one from now on: tier, limits, agents, ... as in a plan file."""
        self.world.plans.put(tenant_id, **fields)
        for changed in self.world.plans.listeners:
            changed(tenant_id)

    # -- what happens

    async def send(
        self,
        agent: str,
        input: str | list[Document],  # noqa: A002  as the request names it
        *,
        tenant_id: str = "acme",
        **fields: Any,
    ) -> str:
        """Write a request and return its id, which is r-1, r-2, ... if none is given. `settle` has it run."""
        self._sent += 1
        request_id = str(fields.pop("request_id", f"r-{self._sent}"))
        worker = await self._worker()
        worker.write(body(request_id, tenant_id, agent=agent, input=input, **fields))
        return request_id

    async def settle(self) -> None:
        """Until nothing goes on any more but with time, by `advance`, or with somebody's decision."""
        worker = await self._worker()
        give_up = asyncio.get_running_loop().time() + PATIENCE_S
        while True:
            await self._quiet(worker, give_up)
            if not self._looped_back():
                return

    def advance(self, seconds: float) -> None:
        """Let time pass for windows, deadlines, retries and pauses. `settle` has happen what is due then."""
        self.clock.advance(seconds)

    async def approve(self, request_id: str, *, tool: str | None = None, actor: str = "somebody") -> None:
        """Approve the tool call that this request waits for."""
        await self._decide("approve", request_id, tool, {"actor": actor})

    async def reject(self, request_id: str, *, tool: str | None = None, **said: str) -> None:
        """Reject it. `reason` and `actor` are told to the model."""
        await self._decide("reject", request_id, tool, said)

    async def cancel(self, request_id: str, *, tenant_id: str = "acme", **said: str) -> None:
        """Cancel the request, wherever it is."""
        worker = await self._worker()
        worker.command(tenant_id, command="cancel", request_id=request_id, **said)
        await self.settle()

    async def pause(self, tenant_id: str = "acme") -> None:
        """Requests of this tenant wait from now on."""
        (await self._worker()).command(tenant_id, command="pause")
        await self.settle()

    async def resume(self, tenant_id: str = "acme") -> None:
        """They go on."""
        (await self._worker()).command(tenant_id, command="resume")
        await self.settle()

    async def crash(self) -> None:
        """The worker dies as by kill -9, and another one takes over."""
        worker = await self._worker()
        self._flume, model = None, self.model
        if isinstance(model, ScriptedModel):
            model.cut_off.clear()
        await worker.die()
        if isinstance(model, ScriptedModel):
            model.put_back()
        await self._worker()

    # -- what came of it

    @property
    def responses(self) -> list[Answer]:
        """All that was answered, tenant by tenant in order."""
        return [Answer(AgentResponse.model_validate(one)) for one in self.world.responses()]

    def response(self, request_id: str) -> Answer:
        """The one response of this request."""
        found = [one for one in self.responses if one.request_id == request_id]
        if len(found) != 1:
            raise AssertionError(self._missing(request_id) if not found else f"more than one: {found}")
        return found[0]

    @property
    def deltas(self) -> list[Document]:
        """What runs said as they went, of requests with stream=True; of each request in order."""
        told = [*self._feeds, *self.world.log.read(NAMES.deltas)]
        first = {one["request_id"]: number for number, one in reversed(list(enumerate(told)))}
        return sorted(told, key=lambda one: (first[one["request_id"]], one["attempt"], one["seq"]))

    def reader(self, request_id: str) -> DeltaReader:
        """What a reader of this request's deltas knows: `text`, `kinds`, `status`."""
        return DeltaReader(one for one in self.deltas if one["request_id"] == request_id)

    @property
    def usage(self) -> list[Document]:
        """The books: a line for each model call."""
        return self.world.log.read(NAMES.usage)

    @property
    def dead_letters(self) -> list[Document]:
        """What failed, with the request as it came."""
        return self.world.dead_letters()

    @property
    def audits(self) -> list[Document]:
        """Who did what."""
        return self.world.log.read(NAMES.audit)

    @property
    def parked(self) -> Mapping[str, Parked]:
        """The requests that wait outside of the worker, by their ids."""
        found: dict[str, Parked] = {}
        latest = {one.key: one.value for one in self.world.log.emissions(NAMES.parked)}
        for value in latest.values():
            if value is not None:
                waits = decode_parked(value)
                found[waits.request_id] = waits
        return found

    # -- inside

    async def _worker(self) -> Flume:
        if self._flume is None:
            registry = Registry(self._specs.values())
            if isinstance(self.model, ScriptedModel):
                self.model.sleep = self.clock.sleep
            access = self.model if isinstance(self.model, ModelAccess) else self._access()
            recovery = Recovery(sleep=self.clock.sleep, rng=Random(0), at=self.clock.at)  # noqa: S311
            runner = AgentRunner(registry, access, recovery=recovery)
            self._flume = Flume(self.world, runner, tuple(self._specs.values()), **self.options)
            self._flume.deltas.published = self._feeds
            await self._flume.__aenter__()
            self._flume.pump()
        return self._flume

    def _access(self) -> ModelAccess:
        return FixedAccess(self.model, rates=self.rates)

    async def _quiet(self, worker: Flume, give_up: float) -> None:
        seen, times = self._marks(worker), 0
        while times < QUIET or self._busy(worker):
            await worker.rest(STEPS)
            now = self._marks(worker)
            times = times + 1 if now == seen else 0
            seen = now
            if times >= QUIET and self._busy(worker):
                await asyncio.sleep(0.002)
                if asyncio.get_running_loop().time() > give_up:
                    raise AssertionError(f"after {PATIENCE_S:g} s still under way: {self._busy(worker)}")

    def _marks(self, worker: Flume) -> tuple[object, ...]:
        log = self.world.log.partitions
        return (
            sum(map(len, log.values())),
            worker.lag(),
            worker.pipeline.held,
            len(worker.parking.lot),
            len(self._feeds),
            len(self.clock.asleep),
        )

    def _busy(self, worker: Flume) -> list[str]:
        """The requests that run, and not because they wait for the time."""
        entries = worker.pipeline.register.outside(())
        running = [one for one in entries if one.task is not None and not one.task.done()]
        names = [one.candidate.request.request_id for one in running if hasattr(one.candidate, "request")]
        return [one for one in names if one not in self.clock.asleep]

    def _looped_back(self) -> bool:
        """What agents asked each other comes to stand on the topic of requests."""
        found = False
        for emission in self.world.log.emissions(NAMES.requests):
            known = (one.value for one in self.world.requests[emission.partition])
            if emission.value not in known:
                self.world.write(emission.value, headers=emission.headers)
                found = True
        return found

    async def _decide(self, command: str, request_id: str, tool: str | None, said: Mapping[str, str]) -> None:
        found = self._pending(request_id, tool)
        told = {"approval_id": found.approval_id, "arguments_digest": found.arguments_digest, **said}
        tenant_id = self.parked[request_id].tenant_id
        (await self._worker()).command(tenant_id, command=command, request_id=request_id, **told)
        await self.settle()

    def _pending(self, request_id: str, tool: str | None) -> PendingApproval:
        waits = self.parked.get(request_id)
        pending = [one for one in waits.approvals if one.approved is None] if waits else []
        found = [one for one in pending if tool in (None, one.tool)]
        if len(found) == 1:
            return found[0]
        tools = ", ".join(one.tool for one in pending)
        if found:
            raise AssertionError(f"{request_id} waits for several approvals, of {tools}: say tool=...")
        answered = [one for one in self.responses if one.request_id == request_id]
        story = f"it waits for {tools}" if pending else repr(answered[0]) if answered else "did it settle?"
        raise AssertionError(f"{request_id} waits for no approval{f' of {tool}' if tool else ''}: {story}")

    def _missing(self, request_id: str) -> str:
        waits = self.parked.get(request_id)
        if waits is not None:
            tools = ", ".join(one.tool for one in waits.approvals if one.approved is None)
            why = (
                f"approval of {tools}: await stream.approve({request_id!r})" if tools else waits.reason.value
            )
            return f"{request_id} has no response yet: it waits for {why}"
        if request_id in self.clock.asleep:
            return f"{request_id} has no response yet: it waits for time to pass, by stream.advance(seconds)"
        known = ", ".join(one.request_id for one in self.responses) or "none"
        return f"{request_id} has no response; answered: {known}. Did you `await stream.settle()`?"
