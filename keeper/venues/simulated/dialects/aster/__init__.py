"""Aster: Binance-futures style REST and WebSocket with EIP-712 signed requests (API v3), as ccxt 4.5.90 speaks it."""
