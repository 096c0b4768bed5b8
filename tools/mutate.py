"""Mutation testing of the contracts: `./dev mutate [--part K/N] [--files GLOB ...] [--list]`.

Every mutant is compiled into one build: where the source says `a < b`, the instrumented copy says
`(block.prevrandao == 17 ? a <= b : a < b)`, and mutant 17 is the whole test suite run at that prevrandao. So a mutant
costs a run, not a compilation. Nothing under test reads prevrandao.

Operators: comparisons, arithmetic, bit and logical operators swapped; conditions negated; statements dropped; numbers
and named constants ± 1; compound assignments swapped; the same inside assembly. Survivors of the quick profile
(`mutate` in foundry.toml) run again with the runs of the default one. Results are kept in deep/mutation.json by the
text of the file they belong to, so that a stopped run goes on where it was; survivors are tried again when a test
changed.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.dev import ROOT, environment

TARGETS = ("contracts/PrimeVault.sol", "contracts/PooledAccount.sol", "contracts/libraries/*.sol")
WORK = ROOT / ".build" / "mutate"
RESULTS = ROOT / "deep" / "mutation.json"
ACTIVE = "block.prevrandao"
PATIENCE = 10
"""A mutant that loops is one the tests notice: it takes so many times as long as the tests without one."""

SWAPS = {
    "<": ("<=", ">="),
    "<=": ("<", ">"),
    ">": (">=", "<="),
    ">=": (">", "<"),
    "==": ("!=",),
    "!=": ("==",),
    "+": ("-",),
    "-": ("+",),
    "*": ("/",),
    "/": ("*",),
    "%": ("*",),
    "&&": ("||",),
    "||": ("&&",),
    "&": ("|",),
    "|": ("&",),
    "^": ("|",),
    "<<": (">>",),
    ">>": ("<<",),
}
ASSIGNMENTS = {"+=": "-=", "-=": "+=", "*=": "/=", "/=": "*=", "|=": "&=", "&=": "|=", "^=": "|="}
YUL = {
    "add": "sub", "sub": "add", "mul": "div", "div": "mul", "and": "or", "or": "and", "xor": "or",
    "shl": "shr", "shr": "shl", "sar": "shr", "lt": "gt", "gt": "lt", "slt": "sgt", "sgt": "slt",
}  # fmt: skip
STATEMENTS = ("ExpressionStatement", "EmitStatement", "RevertStatement", "Return", "Continue", "Break")
Node = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Mutant:
    """`number` is the prevrandao at which it lives; `key` names it across runs."""

    number: int
    file: str
    function: str
    line: int
    operator: str
    before: str
    after: str
    key: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.function}: {self.operator}: {self.before} -> {self.after}"


@dataclass
class Instrumented:
    """One source file with all its mutants in it."""

    file: str
    source: bytes
    mutants: list[Mutant] = field(default_factory=list)
    first: int = 1
    function: str = ""
    pointers: set[str] = field(default_factory=set)
    """Names in this function that must be assigned whatever happens: a mutant changes what to, not whether.
    "return": so must its result."""
    seen: dict[str, int] = field(default_factory=dict)

    def number(self, node: Node, operator: str, before: str, after: str) -> int:
        line = self.source[: span(node)[0]].count(b"\n") + 1
        short = [" ".join(text.split())[:100] for text in (before, after)]
        name = "|".join((self.function, operator, *short))
        self.seen[name] = self.seen.get(name, 0) + 1
        mutant = Mutant(
            self.first + len(self.mutants), self.file, self.function, line, operator, short[0], short[1],
            f"{name}|{self.seen[name]}",
        )  # fmt: skip
        self.mutants.append(mutant)
        return mutant.number

    def text(self, node: Node) -> str:
        start, end = span(node)
        return self.source[start:end].decode()

    def filled(self, node: Node, parts: list[tuple[Node, str]]) -> str:
        """The node's own text with the texts of some descendants replaced."""
        start, end = span(node)
        out, at = b"", start
        for part, text in sorted(parts, key=lambda pair: span(pair[0])):
            low, high = span(part)
            out += self.source[at:low] + text.encode()
            at = high
        return (out + self.source[at:end]).decode()

    # expressions and statements of Solidity

    def render(self, node: Node) -> str:
        """The node with every mutant inside it."""
        kind = node["nodeType"]
        if kind == "InlineAssembly":
            return self.filled(node, [(part, self.yul(part)) for part in statements(node["AST"])])
        text = self.filled(node, [(child, self.render(child)) for child in children(node)])
        method = {
            "BinaryOperation": self.binary,
            "UnaryOperation": self.unary,
            "Literal": self.literal,
            "Identifier": self.constant,
            "ExpressionStatement": self.statement,
            "EmitStatement": self.drop,
            "RevertStatement": self.drop,
            "Return": self.drop,
            "Continue": self.drop,
            "Break": self.drop,
        }.get(kind)
        text = method(node, text) if method and not node.get("inLoopHead") else text
        return self.negated(node, text) if node.get("isCondition") else text

    def choose(self, node: Node, text: str, operator: str, after: str) -> str:
        number = self.number(node, operator, self.text(node), after)
        return f"({ACTIVE} == {number} ? {after} : {text})"

    def binary(self, node: Node, text: str) -> str:
        if constant(node):
            return text
        left, right = node["leftExpression"], node["rightExpression"]
        for other in SWAPS.get(node["operator"], ()):
            if "bool" in left["typeDescriptions"]["typeString"] and other in ("<", ">"):
                continue
            after = f"{self.text(left)} {other} {self.text(right)}"
            text = self.choose(node, text, f"{node['operator']} to {other}", after)
        return text if text.startswith("(") else f"({text})"

    def unary(self, node: Node, text: str) -> str:
        if node["operator"] in ("++", "--"):
            other = "--" if node["operator"] == "++" else "++"
            operand = self.text(node["subExpression"])
            after = other + operand if node["prefix"] else operand + other
            return self.choose(node, text, f"{node['operator']} to {other}", after)
        return text

    def literal(self, node: Node, text: str) -> str:
        if node["kind"] == "bool":
            number = self.number(node, "bool", text, "not " + text)
            return f"({ACTIVE} {'!=' if text == 'true' else '=='} {number})"
        if node["kind"] != "number" or not node.get("mayChange") or text.startswith("0x"):
            return text
        original, kind = text, node["asked"]
        changes = ("+",) if node["value"] == "0" else ("+", "-")
        # A choice between two numbers is unsigned: where something else is asked for, it must be said.
        text = f"{kind}({original})" if kind else original
        for sign in changes:
            after = f"{original} {sign} 1"
            number = self.number(node, f"constant {sign} 1", original, after)
            text = f"({ACTIVE} == {number} ? {f'{kind}({after})' if kind else after} : {text})"
        return text

    def constant(self, node: Node, text: str) -> str:
        kind = node["typeDescriptions"]["typeString"]
        if (
            not node.get("mayChange")
            or not re.fullmatch(r"[A-Z][A-Z0-9_]+", text)
            or not re.match("u?int[0-9]+$", kind)
        ):
            return text
        original = text
        text = self.choose(node, text, "constant + 1", f"{original} + 1")
        return self.choose(node, text, "constant - 1", f"{original} - 1")

    def negated(self, node: Node, text: str) -> str:
        number = self.number(node, "negate", self.text(node), f"!({self.text(node)})")
        return f"(({ACTIVE} == {number}) != ({text}))"

    def statement(self, node: Node, text: str) -> str:
        inner = node["expression"]
        if inner["nodeType"] == "Assignment" and inner["operator"] in ASSIGNMENTS:
            other = ASSIGNMENTS[inner["operator"]]
            after = f"{self.text(inner['leftHandSide'])} {other} {self.text(inner['rightHandSide'])}"
            number = self.number(node, f"{inner['operator']} to {other}", self.text(node), after)
            text = f"{{ if ({ACTIVE} == {number}) {{ {after}; }} else {{ {text} }} }}"
        if inner["nodeType"] == "Assignment" and inner["leftHandSide"].get("name") in self.pointers:
            return text
        return self.drop(node, text)

    def drop(self, node: Node, text: str) -> str:
        if node["nodeType"] == "Return" and "return" in self.pointers:
            return text
        number = self.number(node, "drop", self.text(node), "nothing")
        # In a block, lest an `else` that follows becomes this one's.
        return f"{{ if ({ACTIVE} != {number}) {{ {text} }} }}"

    # assembly

    def yul(self, node: Node) -> str:
        kind, source = node["nodeType"], self.text(node)
        inner = list(statements(node))
        text = self.filled(node, [(part, self.yul(part)) for part in inner])
        if kind not in ("YulVariableDeclaration", "YulAssignment", "YulExpressionStatement"):
            return text
        value = node.get("value") or node["expression"]
        pointer = kind == "YulAssignment" and node["variableNames"][0]["name"] in self.pointers
        for operator, place, after in self.yul_changes(value):
            mutated = self.filled(node, [(place, after)])
            number = self.number(node, f"assembly {operator}", source, mutated)
            if kind == "YulVariableDeclaration":
                name = node["variables"][0]["name"]
                assigned = self.filled(value, [(place, after)]) if place is not value else after
                text += f" if eq(prevrandao(), {number}) {{ {name} := {assigned} }}"
            elif pointer:
                text += f" if eq(prevrandao(), {number}) {{ {mutated} }}"
            else:
                # two ifs: a switch would hold its value on the stack, which is full
                lives = f"eq(prevrandao(), {number})"
                text = f"if {lives} {{ {mutated} }} if iszero({lives}) {{ {text} }}"
        if kind != "YulVariableDeclaration" and not pointer:
            number = self.number(node, "assembly drop", source, "nothing")
            text = f"if iszero(eq(prevrandao(), {number})) {{ {text} }}"
        return text

    def yul_changes(self, node: Node) -> Iterator[tuple[str, Node, str]]:
        """(operator, node to replace, its replacement) of an assembly expression."""
        if node["nodeType"] == "YulLiteral" and node["kind"] == "number":
            value = int(node["value"], 0)
            yield "constant + 1", node, str(value + 1)
            if value:
                yield "constant - 1", node, str(value - 1)
        if node["nodeType"] != "YulFunctionCall":
            return
        name = node["functionName"]
        if other := YUL.get(name["name"]):
            yield f"{name['name']} to {other}", name, other
        if name["name"] == "signextend":
            yield "signextend dropped", node, self.text(node["arguments"][1])
        for argument in node["arguments"]:
            yield from self.yul_changes(argument)


def span(node: Node) -> tuple[int, int]:
    start, length, _ = map(int, node["src"].split(":"))
    return start, start + length


def widen(node: Node, source: bytes) -> None:
    """solc's span of a statement leaves out its semicolon: takes it in, all through the tree."""
    start, end = span(node)
    if node["nodeType"] in STATEMENTS and source[end : end + 1] == b";":
        end += 1
    for child in children(node):
        widen(child, source)
        end = max(end, span(child)[1])
    node["src"] = f"{start}:{end - start}:0"


def constant(node: Node) -> bool:
    return str(node["typeDescriptions"]["typeString"]).startswith(("int_const", "rational_const"))


def children(node: Node) -> Iterator[Node]:
    """The nodes below that may hold mutants, each marked with what may be done to it."""
    kind = node["nodeType"]
    for key, value in node.items():
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, dict) or "nodeType" not in child or "src" not in child:
                continue
            if child["nodeType"].endswith("TypeName") or child["nodeType"] == "ElementaryTypeNameExpression":
                continue
            if key in ("modifiers", "parameters", "returnParameters", "overrides", "documentation", "declarations"):
                continue
            child["isCondition"] = key == "condition" or (kind == "FunctionCall" and checked(node) is child)
            child["mayChange"] = number_may_change(node, key)
            child["asked"] = asked_type(node, child)
            child["inLoopHead"] = key in ("loopExpression", "initializationExpression")
            yield child


def checked(call: Node) -> Node | None:
    """The condition of `require(...)` or of the vault's own `ensure(...)`."""
    if call["expression"].get("name") in ("require", "ensure") and call["arguments"]:
        first: Node = call["arguments"][0]
        return first
    return None


def number_may_change(parent: Node, key: str) -> bool:
    """Whether a number may become a conditional there: its type is then the smallest that holds it, so neither in
    arithmetic of constants, nor as the left side of a shift or power, nor under a minus."""
    if parent["nodeType"] == "BinaryOperation":
        return not constant(parent) and not (parent["operator"] in ("<<", ">>", "**") and key == "leftExpression")
    return parent["nodeType"] in ("Assignment", "Return", "FunctionCall", "IndexAccess", "TupleExpression")


def pointers(node: Node) -> Iterator[str]:
    """Names of the variables below that point into storage or calldata."""
    if node.get("nodeType") == "VariableDeclaration" and node["storageLocation"] in ("storage", "calldata"):
        yield node["name"]
    for value in node.values():
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, dict):
                yield from pointers(child)


def asked_type(parent: Node, child: Node) -> str:
    """The type that `parent` asks of a number at the place of `child`, if it is signed or an address; else ""."""
    kind = parent["nodeType"]
    if kind == "BinaryOperation":
        asked = parent["commonType"]["typeString"]
    elif kind == "Assignment":
        asked = parent["leftHandSide"]["typeDescriptions"]["typeString"]
    elif kind == "FunctionCall" and parent["kind"] == "typeConversion":
        asked = parent["typeDescriptions"]["typeString"]
    elif kind == "FunctionCall" and child in parent["arguments"]:
        whole = parent["expression"]["typeDescriptions"]["typeString"]
        parameters = re.sub(r"^function \((.*?)\).*$", r"\1", whole).split(",")
        # From the end: a library's function has its own first one besides. abi.encode takes anything.
        place = len(parent["arguments"]) - parent["arguments"].index(child)
        asked = parameters[-place] if place <= len(parameters) else ""
    else:
        asked = ""
    return asked if re.fullmatch("int[0-9]+|address", asked) else ""


def statements(node: Node) -> Iterator[Node]:
    """The assembly statements right below, through blocks, ifs, loops and switches."""
    for value in node.values():
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, dict) or "nodeType" not in child:
                continue
            if child["nodeType"] in ("YulVariableDeclaration", "YulAssignment", "YulExpressionStatement"):
                yield child
            elif child["nodeType"] in ("YulBlock", "YulIf", "YulSwitch", "YulCase", "YulFunctionDefinition"):
                yield from statements(child)


def functions(unit: Node) -> Iterator[tuple[str, Node]]:
    for top in unit["nodes"]:
        for node in [top, *top.get("nodes", [])]:
            if node["nodeType"] == "FunctionDefinition" and node.get("body"):
                yield node.get("name") or node["kind"], node


def syntax_trees(files: list[str]) -> dict[str, Node]:
    """solc's syntax tree with types of each file."""
    names = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "contracts").rglob("*.sol"))
    settings = tomllib.loads((ROOT / "foundry.toml").read_text())["profile"]["default"]
    question = {
        "language": "Solidity",
        "sources": {name: {"content": (ROOT / name).read_text()} for name in names if "/.cache/" not in name},
        "settings": {
            "remappings": settings["remappings"],
            "evmVersion": settings["evm_version"],
            "outputSelection": {"*": {"": ["ast"]}},
        },
    }
    done = subprocess.run(
        [str(ROOT / "tools" / "solc"), "--standard-json"],
        input=json.dumps(question), capture_output=True, text=True, check=True, cwd=ROOT, env=environment(),
    )  # fmt: skip
    answer = json.loads(done.stdout)
    if errors := [error["formattedMessage"] for error in answer.get("errors", []) if error["severity"] == "error"]:
        raise SystemExit("tools.mutate: the contracts do not compile:\n" + "\n".join(errors))
    return {name: answer["sources"][name]["ast"] for name in files}


def instrument(files: list[str]) -> tuple[dict[str, str], list[Mutant]]:
    """The files with their mutants in them, and the mutants."""
    texts: dict[str, str] = {}
    mutants: list[Mutant] = []
    for name, unit in syntax_trees(files).items():
        source = (ROOT / name).read_bytes()
        state = Instrumented(name, source, first=1 + len(mutants))
        bodies = []
        for function, node in functions(unit):
            state.function, state.pointers = function, set(pointers(node))
            state.pointers |= {"return" for _ in pointers(node["returnParameters"])}
            widen(node["body"], source)
            bodies.append((node["body"], state.render(node["body"])))
        whole = {"src": f"0:{len(source)}:0"}
        texts[name] = state.filled(whole, bodies)
        mutants += state.mutants
    return texts, mutants


def prepare(texts: dict[str, str]) -> Path:
    """A copy of contracts and tests with the instrumented files; `pure` becomes `view`, since prevrandao is read."""
    place = WORK / "tree"
    for folder in ("contracts", "tests"):
        shutil.rmtree(place / folder, ignore_errors=True)
    ignore = shutil.ignore_patterns(".cache", "symbolic", "gas")
    shutil.copytree(ROOT / "contracts", place / "contracts", ignore=ignore)
    shutil.copytree(ROOT / "tests" / "contracts", place / "tests" / "contracts", ignore=ignore)
    shutil.copy(ROOT / "foundry.toml", place)
    if not (place / "node_modules").exists():
        (place / "node_modules").symlink_to(ROOT / "node_modules")
    for name, text in texts.items():
        (place / name).write_text(text)
    for path in place.glob("[ct]*/**/*.sol"):
        path.write_text(re.sub(r"\bpure\b", "view", path.read_text()))
    return place


def forge(place: Path, number: int, full: bool, limit_s: float) -> str:
    """ "passed", "failed" or "timeout" of the suite with one mutant alive (0: none), or what stopped forge."""
    env = environment() | {"FOUNDRY_PROFILE": "mutate"}
    if full:
        default = tomllib.loads((ROOT / "foundry.toml").read_text())["profile"]["default"]
        env["FOUNDRY_FUZZ_RUNS"] = str(default["fuzz"]["runs"])
        env["FOUNDRY_INVARIANT_RUNS"] = str(default["invariant"]["runs"])
        env["FOUNDRY_INVARIANT_DEPTH"] = str(default["invariant"]["depth"])
    command = ["forge", "test", "--fail-fast", "--threads", "1", "--block-prevrandao", f"{number:#066x}", "--json"]
    process = subprocess.Popen(
        command, cwd=place, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        out, errors = process.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return "timeout"
    if process.returncode == 0:
        return "passed"
    if out.lstrip().startswith("{"):
        return "failed"
    raise SystemExit(f"tools.mutate: forge did not run the tests:\n{out[-3000:]}\n{errors[-6000:]}")


def sha(*paths: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


class Results:
    """deep/mutation.json: by file its text's hash and by mutant "killed" or "survived", with the tests' hash it was
    found with."""

    def __init__(self) -> None:
        self.files: dict[str, dict[str, Any]] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
        self.tests = sha(*(ROOT / "tests" / "contracts").rglob("*.sol"))

    def of(self, file: str) -> dict[str, list[str]]:
        text = sha(ROOT / file)
        if self.files.get(file, {}).get("source") != text:
            self.files[file] = {"source": text, "mutants": {}}
        found: dict[str, list[str]] = self.files[file]["mutants"]
        return found

    def known(self, mutant: Mutant) -> str | None:
        verdict, tests = self.of(mutant.file).get(mutant.key, (None, ""))
        return verdict if verdict == "killed" or tests == self.tests else None

    def save(self, mutant: Mutant, verdict: str) -> None:
        self.of(mutant.file)[mutant.key] = [verdict, self.tests]
        RESULTS.parent.mkdir(exist_ok=True)
        part = RESULTS.with_suffix(".part")
        part.write_text(json.dumps(self.files, indent=1, sort_keys=True) + "\n")
        part.replace(RESULTS)


def verdict(place: Path, mutant: Mutant, limit_s: float) -> str:
    if forge(place, mutant.number, full=False, limit_s=limit_s) != "passed":
        return "killed"
    # 16 times the runs; most of a quick run is starting.
    return "survived" if forge(place, mutant.number, full=True, limit_s=16 * limit_s) == "passed" else "killed"


def quiet_time(place: Path) -> float:
    """Seconds of the tests without a mutant. SystemExit when they do not pass."""
    for _ in range(2):  # The first time they are compiled too.
        start = time.monotonic()
        if (without := forge(place, 0, full=False, limit_s=3600)) != "passed":
            raise SystemExit(f"tools.mutate: the tests themselves do not pass: {without}")
    return time.monotonic() - start


def main(arguments: list[str]) -> dict[str, Any]:
    """Runs one part and returns {mutants, killed, score, survivors}; exit by SystemExit on what stops it."""
    parser = argparse.ArgumentParser(prog="./dev mutate", description="Mutation testing of the contracts.")
    parser.add_argument("--part", default="1/1", help="K/N: every Nth mutant from the Kth")
    parser.add_argument("--files", nargs="+", default=list(TARGETS), help="globs of sources")
    parser.add_argument("--functions", default="", help="regular expression of function names")
    parser.add_argument("--list", action="store_true", help="print the mutants and stop")
    options = parser.parse_args(arguments)
    part, parts = (int(word) for word in options.part.split("/"))
    if not 1 <= part <= parts:
        parser.error(f"--part {options.part}: K goes from 1 to N")
    files = sorted({str(path.relative_to(ROOT)) for glob in options.files for path in ROOT.glob(glob)})
    texts, everything = instrument(files)
    chosen = [m for m in everything[part - 1 :: parts] if re.search(options.functions, m.function)]
    if options.list:
        print(*chosen, sep="\n")
        return {"mutants": len(chosen)}
    place, results = prepare(texts), Results()
    print(
        f"{len(everything)} mutants of {len(files)} files, {len(chosen)} in part {options.part}; the tests without one:"
    )
    limit_s = PATIENCE * quiet_time(place)
    for count, mutant in enumerate(chosen, 1):
        found = results.known(mutant)
        if found is None:
            found = verdict(place, mutant, limit_s)
            results.save(mutant, found)
        if found == "survived":
            print(f"survived {count}/{len(chosen)}: {mutant}", flush=True)
    survivors = [str(m) for m in chosen if results.known(m) == "survived"]
    killed = len(chosen) - len(survivors)
    print(f"{killed} of {len(chosen)} mutants killed: {100 * killed / max(1, len(chosen)):.1f}%")
    return {"mutants": len(chosen), "killed": killed, "part": options.part, "survivors": survivors}


if __name__ == "__main__":
    main(sys.argv[1:])
