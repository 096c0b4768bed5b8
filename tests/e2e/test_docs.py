"""The documents say what is true: their commands exist, their links lead somewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
COMMAND = re.compile(r"`(?:\./dev )?prime ([a-z]+(?: (?:serve|run))?)")
TASK = re.compile(r"`?\./dev ([a-z-]+)")
LINK = re.compile(r"\]\((?!https?://)([^)#]+)")


def found(pattern: re.Pattern[str]) -> list[str]:
    return sorted({match for page in PAGES for match in pattern.findall(page.read_text())})


@pytest.mark.parametrize("words", found(COMMAND))
def test_commands_of_the_documents_exist(words: str) -> None:
    done = subprocess.run([sys.executable, "-m", "keeper", *words.split(), "--help"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_tasks_of_the_documents_exist() -> None:
    done = subprocess.run([sys.executable, ROOT / "tools" / "dev.py", "help"], capture_output=True, text=True)
    listed = set(re.findall(r"^  ([a-z-]+) ", done.stdout, re.MULTILINE))
    assert set(found(TASK)) <= listed


def test_links_lead_somewhere() -> None:
    for page in PAGES:
        for target in LINK.findall(page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_readme_signs_an_order_as_it_says() -> None:
    code = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert code is not None
    from keeper.devkeys import address_of, key_of
    from keeper.model.signed_orders import recover

    names = {"vault": "0x" + "11" * 20, "key": key_of(11)}
    exec(code.group(1), names)  # noqa: S102 - the README's own example
    signer, _ = recover(names["signed"], chain_id=31337, vault=names["vault"])  # type: ignore[arg-type]
    assert signer == address_of(11)
