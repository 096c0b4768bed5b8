"""The custodian of a tier-2 seat: holds the account's master key, brings money home when the seat's contract asks, and
enrols the trader's agent key. The keeper never sees the master key."""
