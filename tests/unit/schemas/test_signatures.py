"""A signature holds for one topic, key, value and time, by one key; whatever else is written is refused."""

import contextlib
from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.keyring import Algorithm, Key, Role
from schemas.signatures import (
    SIGNATURE_HEADER,
    SKEW,
    WINDOW,
    BadSignature,
    Content,
    SigningKey,
    demand,
    parse_signature,
    sign,
    signed_bytes,
    verify,
)
from tests.doubles.memory_verifier import entry_of, signing_key

AT = datetime(2026, 11, 21, 7, 5, 38, 123_000, tzinfo=UTC)
CONTENT = Content("agent.requests", b"acme", b'{"request_id": "r-1"}')
ED, HS = signing_key("ed-1"), signing_key("hs-1", Algorithm.HS256)
BY_OPENSSL = {
    "hs256": b"Vgy9/R6wMIMiKqm+tRL5DRsJprGO3W1Tit85dt4hyCI=",
    "ed25519": b"hLix8q0Lsg73z5hoqiQRVBOwtf/ZhFqbxtitmP/llD9V4G09szu8LiHvYUjnKR4eeiLjMazqZP2nlSbYl5gLDA==",
}
BOTH = pytest.mark.parametrize("key", [ED, HS], ids=["ed25519", "hs256"])


def keys(**changes: Any) -> dict[str, Key]:
    """Both keys, as workers know them."""
    return {key.kid: entry_of(key, **changes).key() for key in (ED, HS)}


def header(key: SigningKey = ED, content: Content = CONTENT, at: datetime = AT) -> bytes:
    return sign(key, content, at)[1]


def judged(
    written: bytes | list[tuple[str, bytes | None]],
    content: Content = CONTENT,
    at: datetime = AT,
    known: dict[str, Key] | None = None,
) -> str:
    """The kid, or why it is refused."""
    headers = [(SIGNATURE_HEADER, written)] if isinstance(written, bytes) else written
    try:
        return verify(keys() if known is None else known, content, headers, at).kid
    except BadSignature as error:
        return str(error)


def test_it_is_made_over_what_the_contract_says() -> None:
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

    signed = signed_bytes(Content("agent.requests", b"acme", b"abc"), "2026-11-21T07:05:38.123Z")

    assert signed == f"agent.requests\nacme\n{digest}\n2026-11-21T07:05:38.123Z".encode()


def test_another_program_comes_to_the_same_signature() -> None:
    """Computed with `openssl`: the secret is 32 times the letter k, the private key 32 times the letter p."""
    content = Content("agent.requests", b"acme", b"abc")

    hs256 = sign(SigningKey("k", Algorithm.HS256, b"k" * 32), content, AT)
    ed25519 = sign(SigningKey("p", Algorithm.ED25519, b"p" * 32), content, AT)

    assert hs256 == ("signature", b"v1;k;hs256;2026-11-21T07:05:38.123Z;" + BY_OPENSSL["hs256"])
    assert ed25519 == ("signature", b"v1;p;ed25519;2026-11-21T07:05:38.123Z;" + BY_OPENSSL["ed25519"])


@BOTH
def test_what_was_signed_is_known_again(key: SigningKey) -> None:
    assert judged(header(key)) == key.kid


@BOTH
@pytest.mark.parametrize(
    "content",
    [
        Content("agent.control", CONTENT.key, CONTENT.value),
        Content("Agent.requests", CONTENT.key, CONTENT.value),
        Content(CONTENT.topic, b"acme2", CONTENT.value),
        Content(CONTENT.topic, CONTENT.key, b'{"request_id": "r-2"}'),
        Content(CONTENT.topic, CONTENT.key, b""),
        Content(CONTENT.topic, CONTENT.key, None),
    ],
    ids=["another topic", "the topic's case", "another key", "another value", "no value", "null"],
)
def test_a_signature_that_was_moved_is_refused(key: SigningKey, content: Content) -> None:
    everyone = keys(tenants=("*",))

    assert "is not that of this topic, key and value" in judged(header(key), content, known=everyone)


@BOTH
@given(place=st.integers(0), bit=st.integers(0, 7))
def test_no_bit_of_a_signature_can_be_flipped(key: SigningKey, place: int, bit: int) -> None:
    front, _, made = header(key).rpartition(b";")
    raw = bytearray(b64decode(made))
    raw[place % len(raw)] ^= 1 << bit

    assert "is not that of" in judged(front + b";" + b64encode(bytes(raw)))


@given(place=st.integers(0, len(CONTENT.value or b"") - 1), bit=st.integers(0, 7))
def test_no_bit_of_a_value_can_be_flipped(place: int, bit: int) -> None:
    changed = bytearray(CONTENT.value or b"")
    changed[place] ^= 1 << bit

    assert "is not that of" in judged(header(), Content(CONTENT.topic, CONTENT.key, bytes(changed)))


@BOTH
def test_the_time_is_part_of_what_is_signed(key: SigningKey) -> None:
    later = header(key).replace(b"07:05:38.123Z", b"07:05:38.124Z")

    assert "is not that of" in judged(later)


def test_a_key_with_a_line_feed_is_signed_whole() -> None:
    everyone = keys(tenants=("*",))
    written = header(content=Content("agent.requests", b"a\nb", b"v"))

    assert judged(written, Content("agent.requests", b"a\nb", b"v"), known=everyone) == "ed-1"
    assert "is not that of" in judged(written, Content("agent.requests", b"a", b"v"), known=everyone)


@BOTH
def test_it_holds_for_a_day(key: SigningKey) -> None:
    last, over = AT + WINDOW, AT + WINDOW + timedelta(milliseconds=1)

    assert judged(header(key), at=last) == key.kid
    assert "held for 24 hours, until 2026-11-22T07:05:38.123Z" in judged(header(key), at=over)


def test_a_producers_clock_may_be_a_little_ahead() -> None:
    assert judged(header(at=AT + SKEW)) == "ed-1"
    assert "correct the producer's clock" in judged(header(at=AT + SKEW + timedelta(milliseconds=1)))


def test_an_unknown_key_is_refused() -> None:
    assert judged(header(signing_key("who"))) == "the key who is not known here"


def test_the_private_key_of_another_is_of_no_use() -> None:
    impostor = SigningKey("ed-1", Algorithm.ED25519, b"x" * 32)

    assert "is not that of" in judged(header(impostor))


@pytest.mark.parametrize("key", [ED, HS], ids=["ed25519", "hs256"])
def test_the_algorithm_is_the_keys_not_the_headers(key: SigningKey) -> None:
    """The classical trick: an HMAC whose secret is the public key, which everybody may know."""
    public = keys()["ed-1"].material
    other = Algorithm.HS256 if key is ED else Algorithm.ED25519
    forged = header(SigningKey(key.kid, other, public))

    assert judged(forged) == f"the key {key.kid} is for {key.algorithm}, the signature says {other}"


def test_a_key_signs_for_its_own_tenants() -> None:
    others = {"ed-1": entry_of(ED, tenants=("globex", "umbrella")).key()}

    assert "may not sign for the tenant" in judged(header(), known=others)


def test_a_record_without_a_key_is_nobodys() -> None:
    content = Content(CONTENT.topic, None, CONTENT.value)
    everyone = keys(tenants=("*",))

    assert "may not sign for the tenant" in judged(header(content=content), content, known=everyone)


def test_a_revoked_key_counts_for_what_was_written_before() -> None:
    known = keys(revoked_at=AT + timedelta(hours=1))

    assert judged(header(), at=AT + timedelta(minutes=59), known=known) == "ed-1"
    assert "was revoked at 2026-11-21T08:05:38.123Z" in judged(
        header(), at=AT + timedelta(hours=1), known=known
    )


def test_what_says_that_it_was_signed_after_the_revocation_is_refused() -> None:
    known = keys(revoked_at=AT)

    assert "was revoked" in judged(header(), at=AT - timedelta(seconds=1), known=known)


def test_nothing_by_a_compromised_key_counts() -> None:
    known = keys(revoked_at=AT + timedelta(hours=1), compromised=True)

    assert "compromised" in judged(header(), known=known)


def test_a_role_is_demanded() -> None:
    key = entry_of(ED, Role.PRODUCER, Role.APPROVER).key()

    demand(key, Role.APPROVER)
    with pytest.raises(BadSignature, match="has not the role operator: it has approver, producer"):
        demand(key, Role.OPERATOR)


def test_a_record_has_one_signature() -> None:
    good = (SIGNATURE_HEADER, header())
    null: tuple[str, bytes | None] = (SIGNATURE_HEADER, None)

    assert "its header `signature` is missing" in judged([("schema", b"agent-request/1")])
    assert "has 2 headers `signature`" in judged([good, good])
    assert "has 2 headers `signature`" in judged([good, null])
    assert "must be v1;<kid>" in judged([null])
    assert judged([("schema", b"agent-request/1"), good]) == "ed-1"


@pytest.mark.parametrize(
    ("was", "is_now", "why"),
    [
        (b"v1;", b"v2;", "must be v1;"),
        (b"v1;", b"V1;", "must be v1;"),
        (b"v1;", b" v1;", "must be v1;"),
        (b"v1;", b"v1;;", "must be v1;"),
        (b";ed-1;", b";ed 1;", "no key's name"),
        (b";ed-1;", b";;", "no key's name"),
        (b";ed-1;", b";" + b"e" * 65 + b";", "no key's name"),
        (b";ed-1;", b";\xc3\xa9;", "no key's name"),
        (b";ed25519;", b";ED25519;", "must be ed25519 or hs256"),
        (b";ed25519;", b";none;", "must be ed25519 or hs256"),
        (b";ed25519;", b";;", "must be ed25519 or hs256"),
        (b".123Z", b"Z", "must be in UTC with milliseconds"),
        (b".123Z", b".1230Z", "must be in UTC with milliseconds"),
        (b".123Z", b".123z", "must be in UTC with milliseconds"),
        (b".123Z", b".123+00:00", "must be in UTC with milliseconds"),
        (b"T07:05", b" 07:05", "must be in UTC with milliseconds"),
        (b"2026-11-21", b"2026-11-31", "must be in UTC with milliseconds"),
        (b"==", b"=", "64 bytes in base64"),
        (b"==", b"", "64 bytes in base64"),
        (b"==", b"==\n", "64 bytes in base64"),
        (b"==", b"== ", "64 bytes in base64"),
        (b"==", b"==;x", "must be v1;"),
        (b"v1;", b"v1;" + b"x" * 600, "must be v1;"),
    ],
)
def test_there_is_one_way_to_write_it(was: bytes, is_now: bytes, why: str) -> None:
    written = header()
    assert written.count(was) == 1

    assert why in judged(written.replace(was, is_now))


def test_the_spare_bits_of_base64_are_no_second_way_to_write_it() -> None:
    written = header()
    last = written[-3:-2]
    same_bytes = next(
        letter
        for letter in b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        if bytes([letter]) != last
        and b64decode(written[-4:-3] + bytes([letter]) + b"==") == b64decode(written[-4:])
    )

    assert "in base64 with padding" in judged(written[:-3] + bytes([same_bytes]) + b"==")


@given(
    st.binary(max_size=200)
    | st.builds(lambda parts: b";".join(parts), st.lists(st.binary(max_size=30), max_size=7))
)
def test_whatever_is_written_is_read_or_refused(written: bytes) -> None:
    with contextlib.suppress(BadSignature):
        parse_signature(written)


def test_a_secret_is_never_shown() -> None:
    assert "secret" not in repr(HS)
    assert "material" not in repr(keys()["hs-1"])
    assert "secret" not in repr(entry_of(HS))
