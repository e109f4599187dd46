"""Every English sentence that the source can say to a person, as templates, read from its syntax trees.

Sinks are the arguments that end before a person: what, rule and remedy of errors, problems of the site file,
findings of ``doctor``. A function that hands one of its parameters to a sink is a sink itself. An f-string
becomes a template whose placeholders carry the names of what is put in.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

__all__ = ["Sentence", "source_sentences"]

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("sensors", "ingest", "analysis", "indicators", "dashboards", "simulators")

_ERROR: dict[int | str, str] = {
    0: "what",
    "what": "what",
    "value": "value",
    "rule": "rule",
    "remedy": "remedy",
}
_ERRORS = (
    "VigiposteError",
    "UsageError",
    "UnknownNameError",
    "ConfigurationError",
    "GovernanceError",
    "NotEnoughDataError",
    "UnreachableError",
    "BrokerUnreachableError",
    "StoreUnreachableError",
    "LocalResourceError",
    "PayloadError",
    "StoreRejectedError",
    "MethodError",
)
_PROBLEM: dict[int | str, str] = {3: "rule", 4: "remedy", "rule": "rule", "remedy": "remedy"}
_FINDING: dict[int | str, str] = {
    0: "subject",
    2: "seen",
    3: "remedy",
    "subject": "subject",
    "seen": "seen",
    "remedy": "remedy",
}
_SINKS: Mapping[str, Mapping[int | str, str]] = {
    **dict.fromkeys(_ERRORS, _ERROR),
    "Problem": _PROBLEM,
    "Finding": _FINDING,
    "CellError": {1: "rule", 2: "remedy"},
    "PydanticCustomError": {1: "rule"},
    "MissingExtraError": {0: "what"},
    "CaseResult": {2: "message"},
}
# Parameters that hold words where they stand inside a longer sentence.
_WORDS = ("what", "why", "reason", "problem")
_DEEPEST = 6
_MANY = 64


@dataclass(frozen=True, slots=True)
class Sentence:
    """One template and where it stands."""

    template: str
    where: str


@dataclass(slots=True)
class _Module:
    path: Path
    tree: ast.Module
    constants: dict[str, ast.expr] = field(default_factory=dict)
    functions: dict[str, list[ast.FunctionDef | ast.AsyncFunctionDef]] = field(default_factory=dict)
    parents: dict[ast.AST, ast.AST] = field(default_factory=dict)
    imported: set[str] = field(default_factory=set)


def _read(path: Path) -> _Module:
    module = _Module(path, ast.parse(path.read_text(encoding="utf-8")))
    for node in ast.walk(module.tree):
        for child in ast.iter_child_nodes(node):
            module.parents[child] = node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            module.functions.setdefault(node.name, []).append(node)
        elif isinstance(node, ast.ImportFrom):
            module.imported |= {alias.asname or alias.name for alias in node.names}
    for node in module.tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            module.constants[node.targets[0].id] = node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            module.constants[node.target.id] = node.value
    return module


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    found = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
    return [name for name in found if name not in ("self", "cls")]


class _Reader:
    """Templates of expressions, in the light of the functions and constants of all modules."""

    def __init__(self, modules: list[_Module]) -> None:
        self.modules = modules
        self.constants: dict[str, ast.expr] = {}
        self.owners: dict[str, _Module] = {}
        self.functions: dict[str, list[tuple[_Module, ast.FunctionDef | ast.AsyncFunctionDef]]] = {}
        for module in modules:
            self.constants |= module.constants
            self.owners |= dict.fromkeys(module.constants, module)
            for name, found in module.functions.items():
                self.functions.setdefault(name, []).extend((module, one) for one in found)
        self.handed_on: set[tuple[str, str, str]] = set()

    def templates(  # noqa: PLR0911 - one return for each kind of expression
        self, node: ast.expr, module: _Module, depth: int = 0
    ) -> set[str]:
        """Templates of one expression; an expression that is a value only gives none."""
        if depth > _DEEPEST:
            return set()
        if isinstance(node, ast.Constant):
            return {_escaped(node.value)} if isinstance(node.value, str) else set()
        if isinstance(node, ast.JoinedStr):
            return self._joined(node, module, depth)
        if isinstance(node, ast.IfExp):
            return self.templates(node.body, module, depth) | self.templates(node.orelse, module, depth)
        if isinstance(node, ast.BoolOp):
            return set().union(*(self.templates(value, module, depth) for value in node.values))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            left = self.templates(node.left, module, depth) or {_placeholder(_name(node.left))}
            right = self.templates(node.right, module, depth) or {_placeholder(_name(node.right))}
            return {a + b for a, b in itertools.product(left, right)}
        if isinstance(node, ast.Name):
            return self._named(node, module, depth)
        if isinstance(node, ast.Subscript):
            return self._looked_up(node, module, depth)
        if isinstance(node, ast.Call):
            return self._returned(node, module, depth)
        return set()

    def _joined(self, node: ast.JoinedStr, module: _Module, depth: int) -> set[str]:
        pieces: list[set[str]] = []
        taken: dict[str, str] = {}
        for part in node.values:
            if isinstance(part, ast.Constant):
                pieces.append({_escaped(str(part.value))})
                continue
            assert isinstance(part, ast.FormattedValue)
            words = set()
            if isinstance(part.value, ast.IfExp):
                words = self.templates(part.value, module, depth + 1)
            if words:
                pieces.append(words)
                continue
            if isinstance(part.value, ast.Name) and part.value.id in _WORDS:
                self._named(part.value, module, depth)
            name, source = _name(part.value), ast.unparse(part.value)
            while taken.setdefault(name, source) != source:
                name += "_2"
            pieces.append({_placeholder(name)})
        return {"".join(combination) for combination in itertools.islice(itertools.product(*pieces), _MANY)}

    def _named(self, node: ast.Name, module: _Module, depth: int) -> set[str]:
        function: ast.AST | None = node
        while function is not None:
            function = module.parents.get(function)
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            if node.id in [*_parameters(function), *(a.arg for a in function.args.kwonlyargs)]:
                self.handed_on.add((module.path.as_posix(), function.name, node.id))
                return set()
            found = self._assigned(function, node.id, module, depth)
            if found is not None:
                return found
        constant = module.constants.get(node.id)
        if constant is None and node.id in module.imported:
            constant = self.constants.get(node.id)
        return set() if constant is None else self.templates(constant, module, depth + 1)

    def _assigned(self, function: ast.AST, name: str, module: _Module, depth: int) -> set[str] | None:
        values: list[tuple[ast.expr, int | None]] = []
        for inner in ast.walk(function):
            if isinstance(inner, ast.Assign):
                for target in inner.targets:
                    if isinstance(target, ast.Name) and target.id == name:
                        values.append((inner.value, None))
                    elif isinstance(target, ast.Tuple):
                        names = [item.id if isinstance(item, ast.Name) else "" for item in target.elts]
                        if name in names:
                            values.append((inner.value, names.index(name)))
            elif isinstance(inner, ast.AugAssign) and ast.unparse(inner.target) == name:
                values.append((inner.value, None))
        if not values:
            return None
        found: set[str] = set()
        for value, place in values:
            found |= (
                self.templates(value, module, depth + 1)
                if place is None
                else self.items(value, module, depth + 1).get(place, set())
            )
        return found

    def _looked_up(self, node: ast.Subscript, module: _Module, depth: int) -> set[str]:
        table = node.value
        if isinstance(table, ast.Name):
            name = table.id
            if name not in module.constants and name in module.imported:
                module = self.owners.get(name, module)
            table = module.constants.get(name, table)
        if isinstance(table, ast.Call) and table.args:
            table = table.args[0]
        if isinstance(table, ast.Dict):
            return set().union(*(self.templates(value, module, depth + 1) for value in table.values))
        return set()

    def _returned(self, node: ast.Call, module: _Module, depth: int) -> set[str]:
        if isinstance(node.func, ast.Attribute) and node.func.attr == "get" and node.args:
            lookup = ast.Subscript(node.func.value, node.args[0], ast.Load())
            extra = self.templates(node.args[1], module, depth) if len(node.args) > 1 else set()
            return self._looked_up(lookup, module, depth) | (extra - {""})
        found = set()
        for owner, function in self._called(node, module):
            for inner in ast.walk(function):
                if isinstance(inner, ast.Return) and inner.value is not None:
                    found |= self.templates(inner.value, owner, depth + 1)
        return found

    def _called(
        self, node: ast.Call, module: _Module
    ) -> list[tuple[_Module, ast.FunctionDef | ast.AsyncFunctionDef]]:
        name = node.func.id if isinstance(node.func, ast.Name) else None
        if name is None:
            return []
        if name in module.functions:
            return [(module, one) for one in module.functions[name]]
        return self.functions.get(name, []) if name in module.imported else []

    def items(self, node: ast.expr, module: _Module, depth: int = 0) -> dict[int, set[str]]:
        """Templates of each place of a tuple, also of one that a constant or a call of ours holds."""
        if isinstance(node, ast.Tuple):
            return {place: self.templates(item, module, depth) for place, item in enumerate(node.elts)}
        if isinstance(node, ast.IfExp):
            return _merged(self.items(node.body, module, depth), self.items(node.orelse, module, depth))
        if isinstance(node, ast.Name):
            constant = module.constants.get(node.id) or self.constants.get(node.id)
            return {} if constant is None or depth > _DEEPEST else self.items(constant, module, depth + 1)
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
            table = module.constants.get(node.value.id)
            found: dict[int, set[str]] = {}
            for value in table.values if isinstance(table, ast.Dict) else ():
                found = _merged(found, self.items(value, module, depth + 1))
            return found
        if isinstance(node, ast.Call) and depth <= _DEEPEST:
            found = {}
            for owner, function in self._called(node, module):
                for inner in ast.walk(function):
                    if isinstance(inner, ast.Return) and inner.value is not None:
                        found = _merged(found, self.items(inner.value, owner, depth + 1))
            return found
        return {}

    def arguments(self, node: ast.Call, module: _Module) -> Iterator[tuple[int | str, ast.expr, int | None]]:
        """Arguments by place or name; those of a starred tuple with their place in it."""
        place = 0
        for argument in node.args:
            if isinstance(argument, ast.Starred):
                width = max(self.items(argument.value, module), default=-1) + 1
                for index in range(width):
                    yield place + index, argument.value, index
                place += width
            else:
                yield place, argument, None
                place += 1
        for keyword in node.keywords:
            if keyword.arg is not None:
                yield keyword.arg, keyword.value, None


def _merged(one: Mapping[int, set[str]], other: Mapping[int, set[str]]) -> dict[int, set[str]]:
    return {place: one.get(place, set()) | other.get(place, set()) for place in {*one, *other}}


def _placeholder(name: str) -> str:
    return f"{{{name}}}"


def _escaped(text: str) -> str:
    """Text of the source as a template: its own braces are doubled."""
    return text.replace("{", "{{").replace("}", "}}")


def _name(node: ast.expr) -> str:  # noqa: PLR0911 - one return for each kind of expression
    """Name for a placeholder, in the words of the source."""
    if isinstance(node, ast.Name):
        return node.id.strip("_").lower()
    if isinstance(node, ast.Attribute):
        own = node.attr.strip("_").lower()
        return _name(node.value) if own in ("name", "value", "id", "strerror") else own
    if isinstance(node, ast.Subscript):
        inner = node.slice
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            return inner.value
        return _name(node.value)
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute) and node.func.attr == "join" and node.args:
            return _name(node.args[0])
        if node.args:
            return _name(node.args[0])
        return _name(node.func.value if isinstance(node.func, ast.Attribute) else node.func)
    if isinstance(node, ast.GeneratorExp | ast.ListComp):
        return _name(node.generators[0].iter)
    if isinstance(node, ast.BinOp):
        return _name(node.left) if not isinstance(node.left, ast.Constant) else _name(node.right)
    if isinstance(node, ast.BoolOp):
        return _name(node.values[0])
    return "value"


@cache
def source_sentences() -> tuple[Sentence, ...]:
    """All sentences of the source, each template with the first place where it stands."""
    paths = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
    modules = [_read(path) for path in (*paths, ROOT / "vigiposte.py")]
    reader = _Reader(modules)
    found: dict[str, str] = {}
    # Sinks of one module by function name, and those that any module may import.
    own: dict[tuple[str, str], dict[int | str, str]] = {}
    shared: dict[str, dict[int | str, str]] = {}
    before = -1
    while before != len(reader.handed_on):
        before = len(reader.handed_on)
        for module in modules:
            _collect(module, reader, own, shared, found)
        for path, function, parameter in reader.handed_on:
            for owner, node in reader.functions[function]:
                names = _parameters(node)
                keywords = [argument.arg for argument in node.args.kwonlyargs]
                if owner.path.as_posix() != path or parameter not in (*names, *keywords):
                    continue
                places: dict[int | str, str] = {parameter: parameter}
                if parameter in names:
                    places[names.index(parameter)] = parameter
                own.setdefault((path, function), {}).update(places)
                shared.setdefault(function, {}).update(places)
    return tuple(Sentence(template, where) for template, where in sorted(found.items()))


def _collect(
    module: _Module,
    reader: _Reader,
    own: Mapping[tuple[str, str], Mapping[int | str, str]],
    shared: Mapping[str, Mapping[int | str, str]],
    found: dict[str, str],
) -> None:
    path = module.path.as_posix()
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name):
            name = node.func.id
            sinks = (
                _SINKS.get(name)
                or own.get((path, name))
                or (shared.get(name) if name in module.imported else None)
            )
        elif isinstance(node.func, ast.Attribute):
            name = node.func.attr
            sinks = own.get((path, name)) or (
                shared.get(name) if name == "add" and len(node.args) > 3 else None
            )
        else:
            continue
        for place, argument, index in reader.arguments(node, module) if sinks else ():
            if sinks is None or place not in sinks:
                continue
            words = (
                reader.templates(argument, module)
                if index is None
                else reader.items(argument, module).get(index, set())
            )
            for template in words:
                where = f"{module.path.relative_to(ROOT)}:{node.lineno}"
                found.setdefault(template, where)
