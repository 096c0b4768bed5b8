"""The auditor: from chain logs, the venues' own records and statement files (rule J2) it re-derives every sub-account.

It imports nothing that wrote the books: no ledger, no settlement, no database. What it shares with the keeper is the
vocabulary (`keeper.model`), the read side of the chain and the venues' read client.
"""
