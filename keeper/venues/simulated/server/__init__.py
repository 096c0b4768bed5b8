"""The venue on sockets: /info, /exchange and /ws as Hyperliquid answers them, and an admin port for the local world."""
