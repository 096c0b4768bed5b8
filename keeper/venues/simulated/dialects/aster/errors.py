"""The venue's error answers: `{"code": negative, "msg": text}` with HTTP 400 (401, 429 where it says so)."""

from dataclasses import dataclass


@dataclass
class AsterError(Exception):
    """An answer travelling up."""

    code: int
    text: str
    status: int = 400


def missing(name: str) -> AsterError:
    return AsterError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


BAD_SIGNATURE = (-1022, "Signature for this request is not valid.")
BAD_NONCE = (-1021, "Timestamp for this request is outside of the recvWindow.")
NOT_AUTHORISED = (-2015, "Invalid API-key, IP, or permissions for action, request ip: 127.0.0.1")
BAD_SYMBOL = (-1121, "Invalid symbol.")
NO_SUCH_ORDER = (-2013, "Order does not exist.")
CANCEL_REJECTED = (-2011, "Unknown order sent.")
NO_MARGIN = (-2019, "Margin is insufficient.")

FROM_ENGINE = (
    ("Insufficient margin", NO_MARGIN),
    ("Must deposit before", NO_MARGIN),
    (
        "Order must have minimum value",
        (-4164, "Order's notional must be no smaller than 10 (unless you choose reduce only)."),
    ),
    ("Reduce only order", (-2022, "ReduceOnly Order is rejected.")),
    (
        "Post only order",
        (-5022, "Due to the order could not be executed as maker, the Post Only order will be rejected."),
    ),
    ("Client order id is in use", (-4115, "ClientOrderId is duplicated.")),
    ("Invalid leverage value", (-4028, "Leverage is not valid.")),
)


def from_engine(text: str) -> AsterError:
    """The engine's refusal in this venue's words."""
    for beginning, (code, words) in FROM_ENGINE:
        if text.startswith(beginning):
            return AsterError(code, words)
    return AsterError(-2010, f"NEW_ORDER_REJECTED: {text}")
