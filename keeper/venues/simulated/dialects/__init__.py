"""Other venues' dialects on the same engine: what `ccxt` and the venues' own clients speak, on real sockets."""
