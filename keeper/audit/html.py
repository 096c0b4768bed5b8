"""The audit's report for people: one HTML page without scripts, fonts or anything else from elsewhere. Charts are SVG
written here."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape

from keeper.audit.report import AuditReport, EpochLine, Finding
from keeper.model.amounts import usdc

WIDTH, HEIGHT, PAD = 720, 180, 36
BAR_GAP = 0.2
MOST_ROWS = 500
"""A page of more is no page for people: the JSON has them all."""

STYLE = """
:root{color-scheme:light dark;--good:#1a7f4b;--bad:#c0392b;--line:#2d6cdf;--faint:#8884}
body{font:15px/1.5 system-ui,sans-serif;max-width:1100px;margin:2rem auto;padding:0 1rem}
h1{margin-bottom:0}h2{margin-top:2.5rem}.good{color:var(--good)}.bad{color:var(--bad)}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:.3rem .6rem;border-bottom:1px solid var(--faint);text-align:right}
th:first-child,td:first-child,td.text,th.text{text-align:left}td.text{overflow-wrap:anywhere}
code{font-size:.9em}svg{width:100%;height:auto;background:#8881;border-radius:6px}
svg text{font-size:11px;fill:currentColor}
"""


def page(report: AuditReport) -> str:
    """The whole document."""
    return "".join(
        (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width,initial-scale=1">',
            f"<title>Audit of {escape(report.vault)}</title><style>{STYLE}</style></head><body>",
            _summary(report),
            _findings(report.findings),
            _epochs(report.by_epoch),
            _accounts(report),
            "</body></html>\n",
        )
    )


def _money(micro: int) -> str:
    return f"{usdc(micro):,.6f}"


def _when(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S") if ms else ""


def _summary(report: AuditReport) -> str:
    verdict = '<b class="good">Everything agrees.</b>'
    if not report.agrees:
        verdict = f'<b class="bad">{len(report.findings)} findings.</b>'
    if first := report.first:
        verdict += (
            f"<p>The first wrong entry: <b>{escape(first.kind)}</b> at <code>{escape(first.where)}</code>, "
            f"{_when(first.at_ms)} UTC: {escape(first.what)}.</p>"
        )
    return (
        f"<h1>Audit</h1><p><code>{escape(report.vault)}</code> on chain {report.chain_id}, up to block {report.block}: "
        f"{report.epochs} commits, {report.fills:,} fills, {len(report.accounts)} sub-accounts.</p>{verdict}"
    )


def _table(names: Sequence[str], rows: Iterable[Sequence[str]], text: Sequence[int] = ()) -> str:
    """Cells are escaped here; `text`: columns that are words."""

    def cells(tag: str, row: Sequence[str]) -> str:
        words = (' class="text"' if index in text else "" for index in range(len(row)))
        return "".join(f"<{tag}{kind}>{escape(cell)}</{tag}>" for kind, cell in zip(words, row, strict=True))

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f"<table><thead><tr>{cells('th', names)}</tr></thead><tbody>{body}</tbody></table>"


def _findings(findings: Sequence[Finding]) -> str:
    if not findings:
        return ""
    names = ("kind", "when (UTC)", "where", "what", "expected", "got")
    shown = findings[:MOST_ROWS]
    rows = [(f.kind, _when(f.at_ms), f.where, f.what, f.expected, f.got) for f in shown]
    more = f"<p>and {len(findings) - len(shown)} more.</p>" if len(findings) > len(shown) else ""
    return f"<h2>Findings, by time</h2>{_table(names, rows, range(len(names)))}{more}"


def _epochs(lines: Sequence[EpochLine]) -> str:
    if not lines:
        return ""
    charts = (
        ("Clients' equity after each commit, USDC", _line_chart([line.equity for line in lines])),
        ("Results of each epoch, USDC", _bar_chart([line.pnl for line in lines])),
        ("Insurance after each commit, USDC", _line_chart([line.insurance for line in lines])),
    )
    names = ("epoch", "as of (UTC)", "result", "venue fees", "funding", "insurance", "fills", "equity")
    rows = [
        (
            str(line.epoch),
            _when(line.as_of * 1000),
            *map(_money, (line.pnl, line.fees, line.funding, line.insurance_delta)),
            f"{line.fills:,}",
            _money(line.equity),
        )
        for line in lines[-MOST_ROWS:]
    ]
    drawn = "".join(f"<h2>{title}</h2>{chart}" for title, chart in charts)
    return f"{drawn}<h2>Epochs</h2>{_table(names, rows)}"


def _accounts(report: AuditReport) -> str:
    names = ("sub-account", "owner", "deposits", "withdrawn", "fills", "fees", "funding", "on chain", "audited", "gap")
    wrong_first = sorted(report.accounts, key=lambda line: (-abs(line.difference), line.id))
    rows = [
        (
            str(line.id),
            line.owner,
            *map(_money, (line.deposits, line.withdrawn)),
            f"{line.fills:,}",
            *map(_money, (line.fees, line.funding, line.equity_chain, line.equity_audited, line.difference)),
        )
        for line in wrong_first[:MOST_ROWS]
    ]
    return f"<h2>Sub-accounts</h2>{_table(names, rows, (1,))}"


# charts


def _frame(values: Sequence[int], inner: str) -> str:
    low, high = min(values), max(values)
    labels = "".join(f'<text x="4" y="{y}">{_money(value)}</text>' for y, value in ((PAD - 8, high), (HEIGHT - 8, low)))
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">{inner}{labels}</svg>'


def _line_chart(values: Sequence[int]) -> str:
    low, span = min(values), max(max(values) - min(values), 1)
    step = (WIDTH - 2 * PAD) / max(len(values) - 1, 1)
    points = " ".join(
        f"{PAD + index * step:.1f},{HEIGHT - PAD - (value - low) * (HEIGHT - 2 * PAD) / span:.1f}"
        for index, value in enumerate(values)
    )
    return _frame(values, f'<polyline points="{points}" fill="none" stroke="var(--line)" stroke-width="2"/>')


def _bar_chart(values: Sequence[int]) -> str:
    most = max(*map(abs, values), 1)
    middle, room = HEIGHT / 2, HEIGHT / 2 - PAD
    width = (WIDTH - 2 * PAD) / len(values)
    bars = []
    for index, value in enumerate(values):
        tall = abs(value) * room / most
        top = middle - tall if value >= 0 else middle
        colour = "good" if value >= 0 else "bad"
        bars.append(
            f'<rect x="{PAD + index * width:.1f}" y="{top:.1f}" width="{width * (1 - BAR_GAP):.1f}" '
            f'height="{tall:.1f}" fill="var(--{colour})"/>'
        )
    axis = f'<line x1="{PAD}" x2="{WIDTH - PAD}" y1="{middle}" y2="{middle}" stroke="var(--faint)"/>'
    return _frame(values, axis + "".join(bars))
