"""The page for people, and the auditor that goes on."""

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from keeper.audit.html import page
from keeper.audit.sources import ChainFacts, SeatRecords
from keeper.audit.watch import Watch, WatchOptions
from tests.unit.audit.world import V1, World

VOID = {"meta", "polyline", "rect", "line"}


class Page(HTMLParser):
    """Every element is closed; what it shows, and what it would load from elsewhere."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.shown: list[str] = []
        self.tags: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href", "action")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.shown.append(data)


def test_the_page_shows_everything_and_loads_nothing() -> None:
    read = Page(page(World().audit()))
    assert read.loads == []
    assert not {"script", "link", "img"} & set(read.tags)
    assert "http" not in page(World().audit())
    assert "Everything agrees." in read.shown
    assert read.tags.count("svg") == 3
    assert {"902.985653", "993.375116", "518.589890"} <= set(read.shown)


def test_the_page_names_the_first_wrong_entry_and_escapes_what_others_wrote() -> None:
    world = World()
    world.fills[V1].pop(1)
    world.statements[1]["insurance"][0]["reference"] = "<script>alert(1)</script>"
    world.seal()
    report = world.audit()
    read = Page(page(report))
    assert "script" not in read.tags
    assert report.first is not None
    assert report.first.kind == "position_chain"
    assert any(report.first.what in text for text in read.shown)
    assert "<script>alert(1)</script>" in read.shown


async def test_an_auditor_signs_only_while_a_fresh_audit_agrees(tmp_path: Path) -> None:
    world = World()

    async def fetch() -> tuple[ChainFacts, list[SeatRecords]]:
        return world.facts(), list(world.seats().values())

    statements = tmp_path / "statements"
    statements.mkdir()
    for epoch in (1, 2):
        (statements / f"{epoch}.json").write_text(json.dumps(world.statements[epoch]))
    watch = Watch(fetch, WatchOptions(archive=tmp_path / "own", statements=statements, every_s=1))
    objection = watch.objection()
    assert objection is not None
    assert objection.got == "none"

    assert (await watch.round()).agrees
    assert watch.objection() is None
    assert (tmp_path / "own" / "report.html").exists()

    world.fills[V1] = world.fills[V1][1:]  # the venue forgot its oldest fill: the archive has it
    assert (await watch.round()).agrees
    del world.fills[V1][1]  # and now one from amid the others
    report = await watch.round()
    assert [finding.kind for finding in report.findings] == ["record_vanished"]
    objection = watch.objection()
    assert objection is not None
    assert "record_vanished" in objection.reason
    assert (await watch.round()).first == report.first  # and it is not forgotten


@pytest.mark.parametrize("values", [1, 2])
def test_a_chart_of_few_commits_is_drawn(values: int) -> None:
    report = World().audit()
    assert Page(page(replace(report, by_epoch=report.by_epoch[:values]))).tags.count("rect") == values
