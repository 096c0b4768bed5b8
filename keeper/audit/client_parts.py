"""What clients show of their statements: whether it is part of what was committed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from keeper.audit.chain_replay import CommitFact
from keeper.audit.report import Findings
from keeper.errors import InputError
from keeper.model.statements import canonical, leaf_hash, verify_proof


class ProvenEntry(msgspec.Struct, frozen=True):
    """`proof`: the siblings from the leaf `[section, entry]` up to the root, `0x` hex."""

    section: str
    entry: Any
    proof: tuple[str, ...]

    @property
    def content(self) -> bytes:
        """The leaf's canonical bytes: what `Lens.verifyStatement` takes."""
        return canonical([self.section, self.entry])

    def is_under(self, root: str) -> bool:
        """ValueError for what is no hex."""
        nodes = [bytes.fromhex(node.removeprefix("0x")) for node in self.proof]
        return verify_proof(bytes.fromhex(root.removeprefix("0x")), leaf_hash(self.content), nodes)


class _Part(msgspec.Struct, frozen=True):
    epoch: int
    root: str
    entries: tuple[ProvenEntry, ...]


@dataclass(frozen=True, slots=True)
class ClientPart:
    """One client's part of one statement, as `prime statement --json` prints it."""

    name: str
    epoch: int
    root: str
    entries: tuple[ProvenEntry, ...]

    @classmethod
    def of(cls, name: str, document: Mapping[str, Any]) -> "ClientPart":
        """msgspec.ValidationError names the field that is not what it should be."""
        part = msgspec.convert(document, _Part)
        return cls(name, part.epoch, part.root, part.entries)


def read_client_parts(paths: Sequence[Path]) -> list[ClientPart]:
    """InputError for a file that is none."""
    parts = []
    for path in paths:
        try:
            document = msgspec.json.decode(path.read_bytes())
            documents = document if isinstance(document, list) else [document]
            parts += [ClientPart.of(path.name, one) for one in documents]
        except (OSError, msgspec.MsgspecError) as error:
            raise InputError("--client", f"{path} is not what `prime statement --json` prints: {error}") from error
    return parts


def check_client_parts(parts: Sequence[ClientPart], commits: Sequence[CommitFact], findings: Findings) -> None:
    """Every entry must lie under the root that its epoch committed."""
    by_epoch = {commit.epoch: commit for commit in commits}
    for part in parts:
        where = f"epoch {part.epoch}"
        commit = by_epoch.get(part.epoch)
        if commit is None:
            findings.add("client_root", where, f"{part.name}: no such commit")
            continue
        findings.now_ms = commit.time_s * 1000
        what = f"{part.name}: its root is not the one on chain"
        if not findings.equal("client_root", where, what, commit.root, part.root):
            continue
        for entry in part.entries:
            try:
                proven = entry.is_under(commit.root)
            except ValueError:
                proven = False
            if not proven:
                what = f"{part.name}: its {entry.section} entry is not in the committed statement"
                findings.add("client_proof", where, what)
