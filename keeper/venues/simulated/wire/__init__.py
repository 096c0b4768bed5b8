"""What travels in Hyperliquid's dialect: typed actions, their canonical bytes, and the signatures over them."""
