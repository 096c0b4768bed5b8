"""An order written in one go is, byte for byte, the one that is built, signed by the SDK and encoded step by step."""

from decimal import Decimal

import eth_account
import msgspec
from hyperliquid.utils import signing as sdk
from hypothesis import given
from hypothesis import strategies as st

from keeper.clock import TestClock
from keeper.model.events import LegIntent
from keeper.model.instruments import Instrument
from keeper.venues.hyperliquid.signing import ActionSigner, ioc_order
from tests.unit.venues_hyperliquid.test_commands import KEY, LEG, LOCAL

SIGNER = ActionSigner(KEY, TestClock(1_000), LOCAL)
NUMBERS = st.decimals(Decimal("0.00000001"), 10**9, places=8)
MS = st.integers(0, 2**45)


def sdk_body(leg: LegIntent, instrument: Instrument) -> bytes:
    action = ioc_order(leg, instrument)
    signature = sdk.sign_l1_action(
        eth_account.Account.from_key(KEY), action, None, leg.nonce, leg.expires_ms, is_mainnet=False
    )
    return msgspec.json.encode(
        {
            "action": action, "nonce": leg.nonce, "signature": signature, "vaultAddress": None,
            "expiresAfter": leg.expires_ms,
        }
    )  # fmt: skip


@given(
    asset=st.integers(0, 250_000),
    side=st.sampled_from(["buy", "sell"]),
    price=NUMBERS,
    size=NUMBERS,
    cloid=st.binary(min_size=16, max_size=16),
    nonce=MS,
    expires_ms=MS,
)
def test_it_is_what_the_sdk_signs(
    asset: int, side: str, price: Decimal, size: Decimal, cloid: bytes, nonce: int, expires_ms: int
) -> None:
    instrument = Instrument("v", "BTC", asset, 5, 40)
    leg = msgspec.structs.replace(
        LEG, side=side, limit_price=price, size=size, cloid="0x" + cloid.hex(), nonce=nonce, expires_ms=expires_ms
    )
    assert SIGNER.ioc_writer(instrument).body(leg) == sdk_body(leg, instrument)


def test_what_does_not_fit_the_form_is_left_to_the_long_way() -> None:
    writer = SIGNER.ioc_writer(Instrument("v", "BTC", 0, 5, 40))
    assert writer.body(msgspec.structs.replace(LEG, cloid="0x0c")) is None
    assert writer.body(msgspec.structs.replace(LEG, limit_price=Decimal(10) ** 32)) is None
