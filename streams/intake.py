"""Bytes -> Accepted, Invalid or Rejected: verify, decode, check where it stands, validate, find the agent."""

from dataclasses import dataclass, replace
from datetime import datetime

from agents_defs.registry import AgentSpec, Registry, UnknownAgent
from schemas.canonical import request_sha256
from schemas.codec import Undecodable
from schemas.envelope import Envelope, InvalidField, read_request, validate_request
from schemas.failures import Code
from schemas.keyring import Role
from schemas.partitions import partition_for
from schemas.requests import AgentRequest
from schemas.signatures import BadSignature, demand
from schemas.versions import UnsupportedVersion
from streams.flow import Accepted, Candidate, Invalid, Record, Rejected, identity, input_bytes
from streams.parked import Parked
from streams.ports import Verifier


@dataclass(frozen=True, slots=True)
class Intake:
    """What every request is checked against."""

    registry: Registry
    partitions: int
    max_request_bytes: int
    max_input_bytes: int
    verifier: Verifier | None = None  # None: nobody has to sign

    def parse(self, record: Record, now: float, at: datetime) -> Candidate:
        """Judge one record; nothing it may contain raises."""
        size = len(record.value or b"")
        if size > self.max_request_bytes:
            return Rejected(
                record,
                Code.OVERSIZE,
                f"the record has {size} bytes, the limit is {self.max_request_bytes}",
                now,
                at,
            )
        headers = sum(len(name) + len(header or b"") for name, header in record.headers)
        if headers > self.max_request_bytes:
            return Rejected(
                record,
                Code.OVERSIZE,
                f"the record's headers have {headers} bytes, the limit is {self.max_request_bytes}",
                now,
                at,
            )
        if self.verifier is not None:
            try:
                demand(self.verifier.signer(record, at), Role.PRODUCER)
            except BadSignature as error:
                return Rejected(record, Code.BAD_SIGNATURE, str(error), now, at)
        try:
            envelope = read_request(record.value, record.headers)
            sha256 = request_sha256(envelope.document)
        except UnsupportedVersion as error:
            return Rejected(record, Code.UNSUPPORTED_VERSION, str(error), now, at)
        except (Undecodable, ValueError) as error:
            return Rejected(record, Code.UNDECODABLE, str(error), now, at)
        return self._misplaced(record, envelope, now, at) or self._accept(record, envelope, sha256, now, at)

    def again(self, parked: Parked, now: float, at: datetime) -> Candidate:
        """Judge one that was parked. It came when it came, and counts from when it was admitted."""
        received = now - max(0.0, (at - parked.received_at).total_seconds())
        candidate = self.parse(parked.record, received, parked.received_at)
        if parked.counted_at is not None and isinstance(candidate, Accepted):
            return replace(candidate, counted_at=parked.counted_at)
        return candidate

    def _misplaced(self, record: Record, envelope: Envelope, now: float, at: datetime) -> Rejected | None:
        tenant = envelope.tenant_id
        key = tenant.encode()
        if record.key != key:
            found = "no key" if record.key is None else f"the key {record.key[:160]!r}"
            return Rejected(
                record,
                Code.KEY_MISMATCH,
                f"the record has {found}, but its tenant_id is {tenant!r}: they must be equal",
                now,
                at,
                envelope.request_id,
                tenant,
            )
        right = partition_for(key, self.partitions)
        if right != record.partition:
            return Rejected(
                record,
                Code.WRONG_PARTITION,
                f"tenant {tenant!r} belongs on partition {right} of {self.partitions}, the record stood on "
                f"{record.partition}: use Java's default partitioner (librdkafka clients: "
                "partitioner=murmur2_random)",
                now,
                at,
                envelope.request_id,
                tenant,
            )
        return None

    def _accept(
        self, record: Record, envelope: Envelope, sha256: str, now: float, at: datetime
    ) -> Accepted | Invalid:
        def invalid(code: Code, message: str) -> Invalid:
            return Invalid(
                record,
                envelope.document,
                envelope.request_id,
                envelope.tenant_id,
                sha256,
                code,
                message,
                now,
                at,
            )

        try:
            request = validate_request(envelope)
            self._check_size(request, record)
            spec = self._find(request)
        except InvalidField as error:
            return invalid(Code.INVALID_FIELD, str(error))
        except UnknownAgent as error:
            return invalid(Code.UNKNOWN_AGENT, str(error))
        return Accepted(record, request, sha256, spec, now, at)

    def _find(self, request: AgentRequest) -> AgentSpec:
        return self.registry.resolve(request.agent)

    def _check_size(self, request: AgentRequest, record: Record) -> None:
        # The whole record is an upper bound of its input: most requests need no second look.
        if len(record.value or b"") <= self.max_input_bytes:
            return
        size = input_bytes(request.input)
        if size > self.max_input_bytes:
            raise InvalidField(
                f"input: has {size} bytes, at most {self.max_input_bytes} are accepted "
                "(PENSTOCK_MAX_INPUT_BYTES)"
            )


def contradiction(candidate: Candidate) -> Rejected:
    """Its id was used before with another body."""
    tenant_id, request_id = identity(candidate)
    return Rejected(
        candidate.record,
        Code.DUPLICATE_CONFLICT,
        f"request_id {request_id!r} was used before with another body: choose a new one",
        candidate.received,
        candidate.received_at,
        request_id,
        tenant_id,
    )
