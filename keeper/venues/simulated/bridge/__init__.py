"""What joins a simulated venue to a local chain: HyperCore for contracts, and a custody account for USDC."""

from keeper.venues.simulated.bridge.link import ChainLink, attach

__all__ = ["ChainLink", "attach"]
