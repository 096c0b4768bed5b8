"""The three tables of the event log."""

from typing import ClassVar

from sqlalchemy import BigInteger, Column, Integer, Table, Text
from sqlmodel import Field, SQLModel


class EventRow(SQLModel, table=True):
    """One event. `body` canonical JSON; `hash` = sha256 over the previous hash and every other column."""

    __tablename__: ClassVar[str] = "event"

    seq: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    at_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    kind: str = Field(sa_column=Column(Text, nullable=False))
    body: str = Field(sa_column=Column(Text, nullable=False))
    previous_hash: str = Field(sa_column=Column(Text, nullable=False))
    hash: str = Field(sa_column=Column(Text, nullable=False))


class LedgerEntryRow(SQLModel, table=True):
    """One posting of an event; those of an event sum to zero. `amount` micro-USDC, positive = debit."""

    __tablename__: ClassVar[str] = "ledger_entry"

    event_seq: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    line: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    account: str = Field(sa_column=Column(Text, nullable=False))
    amount: int = Field(sa_column=Column(BigInteger, nullable=False))


class HeadRow(SQLModel, table=True):
    """The last event, so that a missing last row is noticed too."""

    __tablename__: ClassVar[str] = "head"

    id: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    seq: int = Field(sa_column=Column(Integer, nullable=False))
    hash: str = Field(sa_column=Column(Text, nullable=False))


EVENT: Table = SQLModel.metadata.tables[EventRow.__tablename__]
ENTRY: Table = SQLModel.metadata.tables[LedgerEntryRow.__tablename__]
HEAD: Table = SQLModel.metadata.tables[HeadRow.__tablename__]
