"""Ids of the requests that runs write for other agents: nobody guesses them; they tell the session."""

import re
from hashlib import sha256
from typing import Final

from schemas.requests import AgentRequest

LONGEST: Final = 80  # of the asking request's id, of which the question's begins with so much
_SESSION: Final = re.compile(r"~[0-9a-f]{24}(\.[0-9a-f]{16})\Z")


def question_id(asking: AgentRequest, token: str, call: str) -> str:
    """From who asks and which call. Who was asked in a session itself asks in the same."""
    whole = "\n".join((asking.tenant_id, asking.request_id, token, call))
    if asking.session_id is not None:
        session = _mark(asking.tenant_id, asking.session_id)
    else:
        above = _SESSION.search(asking.request_id)
        session = "" if above is None else above[1]
    return f"{asking.request_id[:LONGEST]}~{sha256(whole.encode()).hexdigest()[:24]}{session}"


def asked_in(tenant_id: str, session_id: str, request_id: str) -> bool:
    """Whether a request of the session asked for this one, or one that it had asked for."""
    found = _SESSION.search(request_id)
    return found is not None and found[1] == _mark(tenant_id, session_id)


def _mark(tenant_id: str, session_id: str) -> str:
    whole = f"{len(tenant_id)}:{tenant_id}:{session_id}".encode("utf-8", "surrogatepass")
    return f".{sha256(whole).hexdigest()[:16]}"
