"""One exception tree.

PrimeError
├── InputError      somebody gave us something wrong: names the field and the fix
├── ConfigError     the program is set up wrongly: names the setting and the fix
├── IntegrityError  stored or received records contradict each other: nothing is done with them
├── NotLeader       another keeper writes these books now: this one stops
├── VenueError      a venue said no (its own words)
├── UnknownOutcome  we cannot tell what happened to a command; never to be read as "no"
└── ChainError      the chain or its node said no
"""


class PrimeError(Exception):
    """Everything this program raises on purpose."""


class InputError(PrimeError):
    """Bad input. `field` is the input's own name; the text says what is wrong and how to mend it."""

    def __init__(self, field: str, text: str, code: str = "invalid") -> None:
        super().__init__(f"{field}: {text}")
        self.field = field
        self.text = text
        self.code = code


class ConfigError(PrimeError):
    """A setting is missing or wrong."""


class IntegrityError(PrimeError):
    """Records contradict each other, so that nothing may be built on them."""


class NotLeader(PrimeError):  # noqa: N818 - a state of affairs, not a fault
    """Another process has taken over the database; nothing may be written, sent or committed by this one."""


class VenueError(PrimeError):
    """The venue refused, in its own words."""


class UnknownOutcome(PrimeError):  # noqa: N818 - an outcome of a command, not an error of ours
    """A timeout, a broken connection or an unreadable answer: the command may or may not have taken effect."""


class ChainError(PrimeError):
    """The chain refused a transaction, or its node did not answer."""
