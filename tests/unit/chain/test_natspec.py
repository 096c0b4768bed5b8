"""Every function, event and error that an interface or an errors or events library declares says what it is."""

import json
from pathlib import Path
from typing import Any

import pytest

from keeper.chain.abi import signature_of

ROOT = Path(__file__).resolve().parents[3]
CONTRACTS = ROOT / "contracts"
DOCUMENTED = sorted(
    [
        *(CONTRACTS / "interfaces").glob("*.sol"),
        *(CONTRACTS / "libraries").glob("*ErrorsLib.sol"),
        CONTRACTS / "libraries" / "EventsLib.sol",
    ]
)
KINDS = {"function": "methods", "event": "events", "error": "errors"}
# declared by another's interface
FOREIGN = {"supportsInterface(bytes4)"}


def undocumented(metadata: Any) -> list[str]:
    """Signatures without a @notice. Errors and events of one signature come as a list."""
    found = metadata["output"]
    missing = []
    for entry in found["abi"]:
        signature = signature_of(entry)
        doc = found["userdoc"].get(KINDS[entry["type"]], {}).get(signature, {})
        notice = (doc[0] if isinstance(doc, list) else doc).get("notice", "")
        if not notice.strip() and signature not in FOREIGN:
            missing.append(signature)
    return missing


@pytest.mark.parametrize("source", DOCUMENTED, ids=lambda path: path.stem)
def test_every_declaration_says_what_it_is(source: Path) -> None:
    built = [json.loads(path.read_text())["rawMetadata"] for path in (ROOT / "out" / source.name).glob("*.json")]
    assert built, f"{source.name} is not built; run ./dev build"
    for raw in built:
        metadata = json.loads(raw)
        assert metadata["output"]["abi"]
        assert undocumented(metadata) == []


def test_what_has_no_notice_is_found() -> None:
    entries = [{"type": "error", "name": "Plain", "inputs": []}, {"type": "function", "name": "said", "inputs": []}]
    output = {"abi": entries, "userdoc": {"methods": {"said()": {"notice": "It is."}}}}
    assert undocumented({"output": output}) == ["Plain()"]
