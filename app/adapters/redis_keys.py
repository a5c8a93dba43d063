"""The names of all keys of a deployment: they share one hash tag, so they live on one slot of a cluster."""

from streams.policy.caps import Bench
from streams.policy.gates import Gate
from streams.ports import Shelf


class RedisKeys:
    """Ids are led by their tenant's length: no pair of ids can be mistaken for another."""

    def __init__(self, app_id: str) -> None:
        self._tag = f"{{{app_id}}}"

    def marker(self, tenant_id: str, request_id: str, generation: int) -> str:
        """Where a generation of a request stands."""
        return f"{self._tag}:r{generation or ''}:{len(tenant_id)}:{tenant_id}:{request_id}"

    def journal(self, tenant_id: str, request_id: str) -> str:
        """What the runs of a request wrote down; a replay goes on from it."""
        return f"{self._tag}:j:{len(tenant_id)}:{tenant_id}:{request_id}"

    def session(self, tenant_id: str, session_id: str) -> str:
        """The turns of a session."""
        return f"{self._tag}:s:{len(tenant_id)}:{tenant_id}:{session_id}"

    def facts(self, tenant_id: str, user_id: str) -> str:
        """What is remembered of a user."""
        return f"{self._tag}:f:{len(tenant_id)}:{tenant_id}:{user_id}"

    def pattern(self, kind: str, tenant_id: str | None) -> str:
        """What SCAN finds all keys of a kind by that have two ids, of one tenant or of all."""
        whose = "" if tenant_id is None else f"{len(tenant_id)}:{tenant_id}:"
        return f"{self._tag}:{kind}:{whose}*"

    def parts(self, key: str) -> tuple[str, str]:
        """Tenant and the other id of such a key."""
        length, _, rest = key.removeprefix(self._tag).split(":", 2)[2].partition(":")
        return rest[: int(length)], rest[int(length) + 1 :]

    def window(self, tenant_id: str, gate: Gate) -> str:
        """What is counted of a tenant at this gate."""
        what, per, agent, user = gate.of
        if what == "requests" and not agent and user is None:
            return f"{self._tag}:w:{per}:{tenant_id}"
        whose = "" if user is None else f":{user}"
        return f"{self._tag}:g:{what}:{per}:{len(tenant_id)}:{tenant_id}:{len(agent)}:{agent}{whose}"

    def everybody(self, tenant_id: str, gate: Gate) -> str:
        """What all users of a tenant used together, where each has a window: that one's without the user."""
        what, per, agent, _ = gate.of
        return f"{self._tag}:g:{what}:{per}:{len(tenant_id)}:{tenant_id}:{len(agent)}:{agent}"

    def gap(self, partition: int) -> str:
        """Since when all is counted in the windows of the partition's tenants, after a loss."""
        return f"{self._tag}:gap:{partition}"

    def seats(self, bench: Bench) -> str:
        """Which runs are under way that one cap counts."""
        tenant_id, agent = bench.tenant_id, bench.agent
        if tenant_id and not agent and not bench.model:
            return f"{self._tag}:k:{tenant_id}"
        return f"{self._tag}:b:{len(tenant_id)}:{tenant_id}:{len(agent)}:{agent}:{bench.model}"

    def line(self, bench: Bench) -> str:
        """Which workers wait for a seat that all tenants share."""
        return f"{self._tag}:l:{len(bench.agent)}:{bench.agent}:{bench.model}"

    def months_told(self, partition: int) -> str:
        """Whether the months of the partition's tenants are known here; gone with everything else."""
        return f"{self._tag}:months:{partition}"

    def ledger(self, shelf: Shelf) -> str:
        """Up to where a shelf is remembered."""
        return f"{self._tag}:ledger:{shelf.kind}:{shelf.partition}"

    def owner(self, partition: int) -> str:
        """Whose claims are decided."""
        return f"{self._tag}:owner:{partition}"

    def worker(self, name: str) -> str:
        """Which process has this name now."""
        return f"{self._tag}:worker:{name}"
