"""The chain: typed reads of the contracts, one owner per nonce, logs in order. Imports only model and errors."""
