"""The rooms of the package, and the rules that they keep.

A room is a folder or a module of `baseten_perf`; the modules that import little and are imported by many are one room,
"values". Imports point one way, as MAY_IMPORT says: from the command line to the client, from the client to what
carries a call out, from there to what a call is and how it is processed, and last to values and to what is compiled.
Compiled modules import no room of ours. `import baseten_perf` loads nothing heavy. Each module and each part of a
compiled module begins by saying what it is for.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import baseten_perf

PACKAGE = Path(baseten_perf.__file__).parent
MODULES = sorted(path for path in PACKAGE.rglob("*.py"))
COMPILED = sorted(PACKAGE.rglob("*.pyx"))

VALUES = {
    "_version", "cancellation", "closing", "exceptions", "log", "partial", "post_request", "protocols", "validation",
}  # fmt: skip
# A room may import from the rooms named here, and from itself. Nobody imports the root, cli or testing but those above.
MAY_IMPORT = {
    "values": set(),
    "late": {"engine"},
    "outcome": {"engine"},  # whose numbers it names
    "decode": set(),
    "ranking": set(),
    "engine": set(),
    "http": {"engine", "values"},
    "responses": {"http", "late", "ranking", "values"},
    "policy": {"http", "values"},
    "verdict": {"http", "outcome", "policy", "values"},
    "errors": {"http", "outcome", "policy", "values", "verdict"},
    "operations": {"decode", "errors", "http", "late", "outcome", "policy", "ranking", "responses", "values"},
    "execution": {"engine", "http", "late", "operations", "outcome", "policy", "values"},
    "shared_engines": {"engine"},
    "connection_pool": {"engine", "http", "shared_engines", "values"},
    "paces": {"engine"},
    "endpoints": {"connection_pool", "engine", "http", "outcome", "values"},
    "client": {
        "connection_pool", "endpoints", "engine", "execution", "http", "late", "operations", "paces", "policy",
        "responses", "values",
    },
    "root": {
        "client", "connection_pool", "endpoints", "engine", "errors", "http", "late", "policy", "responses", "values",
    },
    "testing": set(),  # a server is no part of a client
    "cli": {"client", "connection_pool", "root", "testing", "values"},
    "__main__": {"cli"},
}  # fmt: skip
# The same for C++ headers, which Cython's rooms and other headers include.
MAY_INCLUDE = {
    "decode": {"decode"},
    "ranking": {"ranking", "decode"},
    "engine": {"engine", "decode"},
    "operations": {"decode"},
}
HEADERS_AND_USERS = sorted(path for ending in ("hpp", "pxd", "pxi", "pyx") for path in PACKAGE.rglob(f"*.{ending}"))
INCLUDED = re.compile(r'(?:#include|cdef extern from) "([a-z0-9_/]+[.]hpp)"')
CIMPORTED = re.compile(r"^from baseten_perf[.](\w+)[\w.]* cimport ", re.MULTILINE)
# Only for annotations, or when nothing else will do.
HEAVY = {"numpy", "requests", "asyncio", "tqdm", "certifi"}
# errors.py is imported when there is an error, asyncio's parts of execution when somebody awaits.
HEAVY_ALLOWED = {
    "errors.py": {"requests"}, "execution/asynchronous.py": {"asyncio"}, "execution/async_stream.py": {"asyncio"},
}  # fmt: skip
NOT_PARTS_OF_THE_IMPORT = {"testing", "cli", "__main__"}


def name_of(path: Path) -> str:
    """Dotted name inside the package; "" for the package itself."""
    parts = list(path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(name: str) -> str:
    if name == "testing.__main__":
        return "__main__"
    first = name.partition(".")[0]
    return "root" if first == "" else "values" if first in VALUES else first


def imports(tree: ast.AST, path: Path) -> Iterator[tuple[str, ast.stmt]]:
    """Absolute names of all that is imported, at any depth; for `from x import y` both x and x.y."""
    name = name_of(path)
    package = ["baseten_perf", *([*name.split(".")] if name else [])]
    if path.name != "__init__.py":
        package.pop()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*start, *([node.module] if node.module else [])])
            for alias in node.names:
                yield f"{origin}.{alias.name}", node


def module_in_package(imported: str) -> str | None:
    """The module of ours that `imported` is, or is a name of; None for others'."""
    first, _, rest = imported.partition(".")
    if first != "baseten_perf":
        return None
    parts = rest.split(".") if rest else []
    while parts:
        place = PACKAGE.joinpath(*parts)
        if place.is_dir() or place.with_suffix(".py").exists() or place.with_suffix(".pyx").exists():
            return ".".join(parts)
        parts.pop()
    return ""


def at_top(tree: ast.Module) -> Iterator[ast.stmt]:
    """Statements that run when the module is imported; not those under `if TYPE_CHECKING`."""
    for statement in tree.body:
        if isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.dump(statement.test):
            yield from statement.orelse
        else:
            yield statement


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_direction(path: Path) -> None:
    room = room_of(name_of(path))
    assert room in MAY_IMPORT, f"no room of ours: {room}"
    tree = ast.parse(path.read_text())
    wrong = []
    for imported, node in imports(tree, path):
        target = module_in_package(imported)
        if target is None or room_of(target) == room or imported == "baseten_perf._version.__version__":
            continue
        if room_of(target) not in MAY_IMPORT[room]:
            wrong.append(f"line {node.lineno}: {room} imports {imported} ({room_of(target)})")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_nothing_heavy_at_the_top(path: Path) -> None:
    """What `import baseten_perf` runs loads neither numpy nor requests nor asyncio."""
    relative = path.relative_to(PACKAGE).as_posix()
    if room_of(name_of(path)) in NOT_PARTS_OF_THE_IMPORT:
        return
    top = ast.Module([*at_top(ast.parse(path.read_text()))], [])
    top.body = [statement for statement in top.body if isinstance(statement, (ast.Import, ast.ImportFrom))]
    loaded = {imported.partition(".")[0] for imported, _ in imports(top, path)}
    assert not (loaded & HEAVY) - HEAVY_ALLOWED.get(relative, set())


@pytest.mark.parametrize("path", [*MODULES, *COMPILED], ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_first_line_says_what_it_is_for(path: Path) -> None:
    if path.suffix == ".py":
        text = ast.get_docstring(ast.parse(path.read_text())) or ""
    else:
        lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
        text = lines[0].strip('"')
        assert lines[0].startswith('"""')
    first = text.partition("\n")[0]
    assert len(first) >= 20, "the first line must be a docstring that says what the module is for"
    lines = path.read_text().splitlines()
    assert lines[0].startswith(('"""', 'r"""', "#"))


@pytest.mark.parametrize("path", COMPILED, ids=lambda path: path.stem)
def test_compiled_modules_have_stubs(path: Path) -> None:
    stub = path.with_suffix(".pyi")
    assert stub.exists()
    ast.parse(stub.read_text())


@pytest.mark.parametrize("path", COMPILED, ids=lambda path: path.stem)
def test_compiled_modules_import_no_room_of_ours(path: Path) -> None:
    sources = [path, *(path.parent.glob("*.pxi"))]
    for source in sources:
        for number, line in enumerate(source.read_text().splitlines(), 1):
            words = line.split()
            if not words or words[0] not in ("import", "from", "cimport") or CIMPORTED.match(line):
                continue
            assert "baseten_perf" not in line and not words[1].startswith("."), f"{source.name}:{number}: {line}"


@pytest.mark.parametrize("path", HEADERS_AND_USERS, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_direction_of_headers(path: Path) -> None:
    """Headers are named by their place in the package, the one include root; so are modules to be cimported."""
    room = path.relative_to(PACKAGE).parts[0]
    text = path.read_text()
    included = INCLUDED.findall(text)
    assert [name for name in included if not (PACKAGE / name).exists()] == []
    rooms = {name.partition("/")[0] for name in included} | set(CIMPORTED.findall(text))
    assert rooms <= MAY_INCLUDE[room]


@pytest.mark.parametrize("path", COMPILED, ids=lambda path: path.stem)
def test_rooms_of_compiled_modules(path: Path) -> None:
    """Each room begins by saying what it is for, and the table of contents names them all."""
    listed = [line.split('"')[1] for line in path.read_text().splitlines() if line.startswith("include ")]
    assert sorted(listed) == sorted(room.name for room in path.parent.glob("*.pxi"))
    for room in path.parent.glob("*.pxi"):
        assert room.read_text().startswith("# "), room.name


def test_every_room_is_listed() -> None:
    rooms = {room_of(name_of(path)) for path in MODULES}
    assert rooms <= set(MAY_IMPORT), rooms - set(MAY_IMPORT)


def test_imports_go_no_circle() -> None:
    """Nor within a room; what stands under TYPE_CHECKING or in a function is imported later, or never."""
    below: dict[str, set[str]] = {}
    for path in MODULES:
        top = ast.Module([*at_top(ast.parse(path.read_text()))], [])
        top.body = [statement for statement in top.body if isinstance(statement, (ast.Import, ast.ImportFrom))]
        targets = {module_in_package(imported) for imported, _ in imports(top, path)}
        below[name_of(path)] = {target for target in targets if target} - {name_of(path)}
    done: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, " -> ".join([*above[above.index(name) :], name])
        if name not in done:
            for target in below.get(name, ()):
                # A package that only gathers what its modules have is imported with each of them.
                if not name.startswith(f"{target}."):
                    visit(target, (*above, name))
            done.add(name)

    for name in below:
        visit(name, ())
