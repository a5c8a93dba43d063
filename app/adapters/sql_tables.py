"""The tables in which sessions stand in a SQL database."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

TABLES: Final = MetaData()
NUMBER: Final = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up only what it calls INTEGER


def _whose(*, key: bool = False) -> list["Column[str]"]:
    return [
        Column("app_id", String(80), primary_key=key, nullable=False),
        Column("tenant_id", String(128), primary_key=key, nullable=False),
        Column("session_id", String(512), primary_key=key, nullable=False),
    ]


SESSIONS: Final = Table(
    "penstock_sessions",
    TABLES,
    *_whose(key=True),
    Column("epoch", Integer, nullable=False),  # how often it was deleted
    Column("touched_at", Float, nullable=False),  # seconds since 1970
    Column("expires_at", Float, nullable=False),
    Index("penstock_sessions_touched", "app_id", "touched_at"),
)

TURNS: Final = Table(
    "penstock_turns",
    TABLES,
    Column("turn_id", NUMBER, primary_key=True, autoincrement=True),
    *_whose(),
    Column("request_id", String(512), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("anew", Boolean, nullable=False),
    Column("added_at", Float, nullable=False),
    Column("items", LargeBinary, nullable=False),
    # The marker: a turn stands there once, whoever adds it how often.
    UniqueConstraint("app_id", "tenant_id", "session_id", "request_id", "generation"),
    sqlite_autoincrement=True,  # a number is not given out again, so that a mark never means another turn
)
