"""The tables. `migrations` makes them; a test holds the two against each other."""

from typing import ClassVar

from sqlalchemy import BigInteger, Column, Integer, Table, Text
from sqlmodel import Field, SQLModel


class EventRow(SQLModel, table=True):
    """One event. `body` canonical JSON of version `schema` of the events; `hash` = sha256 over the previous hash and
    every other column."""

    __tablename__: ClassVar[str] = "event"

    seq: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    at_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    kind: str = Field(sa_column=Column(Text, nullable=False))
    schema_version: int = Field(sa_column=Column("schema", Integer, nullable=False))
    body: str = Field(sa_column=Column(Text, nullable=False))
    previous_hash: str = Field(sa_column=Column(Text, nullable=False))
    hash: str = Field(sa_column=Column(Text, nullable=False))


class LedgerEntryRow(SQLModel, table=True):
    """One posting of an event; those of an event sum to zero. `amount` micro-USDC, positive = debit."""

    __tablename__: ClassVar[str] = "ledger_entry"

    event_seq: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    line: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    account: str = Field(sa_column=Column(Text, nullable=False))
    amount: int = Field(sa_column=Column(BigInteger, nullable=False))


class HeadRow(SQLModel, table=True):
    """The last event, so that a missing last row is noticed too."""

    __tablename__: ClassVar[str] = "head"

    id: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    seq: int = Field(sa_column=Column(BigInteger, nullable=False))
    hash: str = Field(sa_column=Column(Text, nullable=False))


class LeaseRow(SQLModel, table=True):
    """Who may write. One row; `epoch` only rises, `beat` with every sign of life, `ttl_ms` is how long one counts."""

    __tablename__: ClassVar[str] = "lease"

    id: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    epoch: int = Field(sa_column=Column(BigInteger, nullable=False))
    holder: str = Field(sa_column=Column(Text, nullable=False))
    beat: int = Field(sa_column=Column(BigInteger, nullable=False))
    ttl_ms: int = Field(sa_column=Column(BigInteger, nullable=False))


EVENT: Table = SQLModel.metadata.tables[EventRow.__tablename__]
ENTRY: Table = SQLModel.metadata.tables[LedgerEntryRow.__tablename__]
HEAD: Table = SQLModel.metadata.tables[HeadRow.__tablename__]
LEASE: Table = SQLModel.metadata.tables[LeaseRow.__tablename__]
