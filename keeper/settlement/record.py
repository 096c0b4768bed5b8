"""What the log keeps of a settlement, and the way back: the same commit built again from the log alone."""

import hashlib
from collections.abc import Mapping
from typing import Any

from keeper.errors import InputError, IntegrityError
from keeper.ledger import Books
from keeper.model.events import CommitPrepared, SettlementInputs
from keeper.model.statements import canonical
from keeper.settlement.build import CommitPlan, build


def prepared(
    plan: CommitPlan, statement: Mapping[str, Any], inputs: SettlementInputs, statement_file: str, at_ms: int
) -> CommitPrepared:
    return CommitPrepared(
        epoch=plan.epoch,
        as_of=plan.as_of,
        fence=plan.fence,
        root=plan.statement_root,
        statement_file=statement_file,
        statement_sha256=hashlib.sha256(canonical(statement)).hexdigest(),
        pnl=plan.pnl,
        insurance_delta=plan.insurance_delta,
        fees=plan.fees,
        new_deficit=plan.new_deficit,
        marks=plan.marked,
        approvals=plan.approvals,
        cuts=plan.cuts,
        snapshot_block=plan.snapshot_block,
        withheld=plan.withheld,
        inputs=inputs,
        routing=plan.routing,
        at_ms=at_ms,
    )


def rebuilt(books: Books, event: CommitPrepared) -> CommitPrepared:
    """The event that the same books and inputs give now. `books` as they were just before `event`.

    InputError when the event was stored without its inputs, IntegrityError when nothing can be built of them.
    """
    inputs = event.inputs
    if inputs is None:
        raise InputError("inputs", f"commit {event.epoch} was stored without what it was built from", "not_recorded")
    taken = {venue: books.last_mark(venue) for venue in event.marks}
    if missing := [venue for venue, found in taken.items() if found is None]:
        raise IntegrityError(f"commit {event.epoch}: the log holds no mark of {', '.join(missing)} before it")
    plan, statement = build(
        books,
        [found.mark for found in taken.values() if found is not None],
        chain_id=inputs.chain_id,
        vault=inputs.vault,
        epoch=event.epoch,
        as_of=event.as_of,
        fence=event.fence,
        snapshot_block=event.snapshot_block,
        idle=inputs.idle,
        payables=inputs.payables,
        insurance=inputs.insurance,
        deficit=inputs.deficit,
        requirement=lambda id_: inputs.requirements.get(id_, 0),
        log=inputs.log,
        fee_allowance=inputs.fee_allowance,
    )
    return prepared(plan, statement, inputs, event.statement_file, event.at_ms)
