"""How a simulated venue is joined to a chain: what the command line says, before anything is connected."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ChainOptions:
    """`rpc` is the node's URL. `custody_key` signs payments of withdrawals (None: no custody account).

    `hypercore` says that the venue also plays HyperCore for contracts (CoreWriter, precompiles), with `bridge_key`
    signing the one transaction per tick that updates the precompile stand-ins. `mine` says that this venue asks the
    node to mine after each tick. `deposits` are pairs (EVM address a transfer comes from, account credited), lower
    case. `contracts` maps a contract's name to its address.
    """

    rpc: str
    custody_key: str | None = None
    hypercore: bool = False
    bridge_key: str | None = None
    mine: bool = False
    deposits: tuple[tuple[str, str], ...] = ()
    contracts: Mapping[str, str] = field(default_factory=dict)
