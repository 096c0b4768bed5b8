"""The mutants of the contracts, all in one build.

Where the source says `a < b`, the instrumented copy says `(block.prevrandao == 17 ? a <= b : a < b)`, and mutant 17 is
the tests run at that prevrandao. So a mutant costs a run, not a compilation. Nothing under test reads prevrandao.

Operators: comparisons, arithmetic, bit and logical operators swapped; conditions negated; statements dropped; numbers
and named constants ± 1; compound assignments swapped; the same inside assembly.
"""

import json
import re
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tools.dev import ROOT, environment

ACTIVE = "block.prevrandao"

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
    seen: dict[str, int] = field(default_factory=dict)
    body: str = ""
    pointers: set[str] = field(default_factory=set)
    """Variables that solc wants assigned on every way: no assignment to them is dropped."""

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
            names = {self.text(reference) for reference in node["externalReferences"]}
            self.pointers = {name for name in names if re.search(rf"\bcalldata {name};", self.body)}
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
            "Return": self.returned,
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
        # a conditional of two numbers is unsigned unless both say otherwise
        plain, plus, minus = (f"{node['signed']}({number})" for number in (text, f"{text} + 1", f"{text} - 1"))
        changed = self.choose(node, plain, "constant + 1", plus)
        return changed if node["value"] == "0" else self.choose(node, changed, "constant - 1", minus)

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
            text = f"if ({ACTIVE} == {number}) {{ {after}; }} else {{ {text} }}"
        if inner["nodeType"] == "Assignment" and pointer(inner["leftHandSide"]):
            return text
        return self.drop(node, text)

    def drop(self, node: Node, text: str) -> str:
        number = self.number(node, "drop", self.text(node), "nothing")
        # in braces, so that an `else` after it stays with its own `if`
        return f"{{ if ({ACTIVE} != {number}) {{ {text} }} }}"

    def returned(self, node: Node, text: str) -> str:
        kind = str((node.get("expression") or {}).get("typeDescriptions", {}).get("typeString", ""))
        return text if is_pointer(kind) else self.drop(node, text)

    # assembly

    def yul(self, node: Node) -> str:
        kind, source = node["nodeType"], self.text(node)
        inner = list(statements(node))
        text = self.filled(node, [(part, self.yul(part)) for part in inner])
        if kind not in ("YulVariableDeclaration", "YulAssignment", "YulExpressionStatement"):
            return text
        value = node.get("value") or node["expression"]
        for operator, place, after in self.yul_changes(value):
            mutated = self.filled(node, [(place, after)])
            number = self.number(node, f"assembly {operator}", source, mutated)
            if kind == "YulVariableDeclaration" or self.points(node):
                name = node["variables" if kind == "YulVariableDeclaration" else "variableNames"][0]["name"]
                assigned = self.filled(value, [(place, after)]) if place is not value else after
                text += f" if eq(prevrandao(), {number}) {{ {name} := {assigned} }}"
            else:
                # two ifs: a switch would hold its value on the stack, which is full
                lives = f"eq(prevrandao(), {number})"
                text = f"if {lives} {{ {mutated} }} if iszero({lives}) {{ {text} }}"
        if kind != "YulVariableDeclaration" and not self.points(node):
            number = self.number(node, "assembly drop", source, "nothing")
            text = f"if iszero(eq(prevrandao(), {number})) {{ {text} }}"
        return text

    def points(self, node: Node) -> bool:
        return node["nodeType"] == "YulAssignment" and node["variableNames"][0]["name"] in self.pointers

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


def pointer(target: Node) -> bool:
    """Whether it is a variable that solc wants assigned on every way."""
    return target["nodeType"] == "Identifier" and is_pointer(str(target["typeDescriptions"]["typeString"]))


def is_pointer(kind: str) -> bool:
    return kind.endswith((" storage pointer", " storage ref", " calldata")) or kind.startswith("mapping(")


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
            child["signed"] = signed_type(node)
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
    if parent["nodeType"] == "FunctionCall" and parent["typeDescriptions"]["typeString"].startswith("address"):
        return False
    return parent["nodeType"] in ("Assignment", "Return", "FunctionCall", "IndexAccess", "TupleExpression")


def signed_type(parent: Node) -> str:
    """The signed type that a number is compared with, reckoned with or converted to; nothing if it is unsigned."""
    about = parent.get("commonType") or parent["typeDescriptions"] if "typeDescriptions" in parent else {}
    kind = str(about.get("typeString", ""))
    return kind if re.fullmatch("int[0-9]+", kind) else ""


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
            widen(node["body"], source)
            state.function, state.body = function, state.text(node)
            bodies.append((node["body"], state.render(node["body"])))
        whole = {"src": f"0:{len(source)}:0"}
        texts[name] = state.filled(whole, bodies)
        mutants += state.mutants
    return texts, mutants
