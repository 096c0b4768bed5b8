"""The venue's error answers: `{"error": CODE, "message": text, "data": null}`."""

from dataclasses import dataclass


@dataclass
class ParadexError(Exception):
    """An answer travelling up."""

    code: str
    text: str
    status: int = 400


def invalid(text: str) -> ParadexError:
    return ParadexError("VALIDATION_ERROR", text)
