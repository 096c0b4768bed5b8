"""A simulated venue: one matching, margin and funding engine behind real sockets, in a real venue's dialect.

`engine.Venue` is the venue without sockets (deterministic given its clock and seed); `server` puts it on HTTP and
WebSocket in Hyperliquid's dialect; `tape` is the market it replays; `bridge` joins it to a chain.
"""
