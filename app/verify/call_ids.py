"""What a call id says: which request it is for, and which call of it, whichever attempt or try it was."""

import re
from urllib.parse import unquote

# "<tenant>%2F<request>%2F<generation>/<path>m<ordinal>.<attempt>[-<try>]": run, journal path, ordinal, try.
# Runs without a journal had their attempt in the run's part: "<generation>.<attempt>/".
_RUN = re.compile(r"(?P<name>.+)%2F(?P<generation>\d+)(?:\.\d+)?")
_CALL = re.compile(r"(?P<place>(?:.*/)?m\d+)\.\d+(?:-\d+)?")
_TRY = re.compile(r"[^A-Za-z0-9](?:try|attempt|t)?\d+$")  # of other writers


def call_key(call_id: str) -> str:
    """The same for every attempt and try of one call."""
    run, slash, rest = call_id.partition("/")
    found = _RUN.fullmatch(run)
    if found is not None:
        run = f"{found['name']}%2F{found['generation']}"
    call = _CALL.fullmatch(rest)
    return run + slash + (call["place"] if call is not None else _TRY.sub("", rest))


def request_of(call_id: str) -> str | None:
    """`tenant/request_id`; None where the id was too long to hold it, or is not of this form."""
    found = _RUN.fullmatch(call_id.partition("/")[0])
    if found is None:
        return None
    name = unquote(found["name"])
    return name if "/" in name else None
