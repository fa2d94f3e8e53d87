"""The rooms of the package, and the rules that they keep.

A room is a folder of `baseten_perf`, or a module beside the folders. Of these modules, those that import little and are
imported by many are one room, "values". The rooms stand in ORDER: a room imports, includes and cimports from itself and
from rooms before it, so that a change is felt in one direction only.

What a call means and how it is processed (PURE) does not know the engine. Compiled modules import no Python of ours.
`import baseten_perf` loads nothing heavy. Each module, and each part of a compiled module, begins with a sentence that
says what it is for. No file cites a document that is not in the repository.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import baseten_perf

PACKAGE = Path(baseten_perf.__file__).parent
ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted(path for path in PACKAGE.rglob("*.py"))
COMPILED = sorted(PACKAGE.rglob("*.pyx"))
NATIVE = sorted(path for kind in ("hpp", "pxd", "pxi", "pyx") for path in PACKAGE.rglob(f"*.{kind}"))

VALUES = {
    "_version", "cancellation", "closing", "exceptions", "log", "outcome", "partial", "post_request", "protocols",
    "validation",
}  # fmt: skip
ORDER = (
    "decode",  # embeddings to rows: C++ alone
    "ranking",  # rerank's and classify's responses, on decode's JSON
    "engine",  # the native loops
    "late",  # modules that are loaded when they are needed
    "values",
    "http",
    "responses",
    "policy",
    "verdict",
    "errors",
    "operations",
    "execution",  # the only room that waits
    "paces",
    "limits",
    "shared_engines",
    "connection_pool",
    "endpoints",
    "client",
    "telemetry",
    "root",  # baseten_perf itself
    "pipelines",
    "integrations",
    "testing",
    "cli",
    "__main__",
)
# Of the rooms before them, these are not for:
PURE = {"responses", "policy", "verdict", "errors", "operations"}
NOT_FOR = {**{room: {"engine"} for room in PURE}, "testing": set(ORDER)}  # a server is no part of a client

INCLUDED = re.compile(r'(?:#include|cdef extern from) "([a-z0-9_/]+[.]hpp)"')
CIMPORTED = re.compile(r"^from baseten_perf[.](\w+)[\w.]* cimport ", re.MULTILINE)
# Only for annotations, or when nothing else will do.
HEAVY = {"numpy", "requests", "asyncio", "tqdm", "certifi"}
# errors.py is imported when there is an error, the others when somebody awaits.
HEAVY_ALLOWED = {
    "errors.py": {"requests"},
    "execution/asynchronous.py": {"asyncio"},
    "execution/call_future.py": {"asyncio"},
    "execution/async_stream.py": {"asyncio"},
}
NOT_PARTS_OF_THE_IMPORT = {"pipelines", "integrations", "testing", "cli", "__main__"}
DOCUMENT = re.compile(r"(?<![\w*])(?:[\w.-]+/)*[\w-]+[.]md\b")


def name_of(path: Path) -> str:
    """Dotted name inside the package; "" for the package itself."""
    parts = list(path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(name: str) -> str:
    if name == "testing.__main__":
        return "__main__"
    first = name.partition(".")[0]
    return "root" if first == "" else "values" if first in VALUES else first


def may_use(room: str, other: str) -> bool:
    return room == other or (ORDER.index(other) < ORDER.index(room) and other not in NOT_FOR.get(room, set()))


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
    assert room in ORDER, f"no room of ours: {room}"
    wrong = []
    for imported, node in imports(ast.parse(path.read_text()), path):
        target = module_in_package(imported)
        if target is None or imported == "baseten_perf._version.__version__":
            continue
        assert room_of(target) in ORDER, f"line {node.lineno}: {imported} is in no room"
        if not may_use(room, room_of(target)):
            wrong.append(f"line {node.lineno}: {room} imports {imported} ({room_of(target)})")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("path", NATIVE, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_direction_of_native_sources(path: Path) -> None:
    """Headers are named by their place in the package, the one include root; so are modules that are cimported."""
    room = room_of(name_of(path))
    text = path.read_text()
    used = set(map(room_of, CIMPORTED.findall(text)))
    for included in INCLUDED.findall(text):
        assert (PACKAGE / included).exists(), f"there is no {included}"
        used.add(included.partition("/")[0])
    assert [other for other in sorted(used) if not may_use(room, other)] == []


@pytest.mark.parametrize("path", COMPILED, ids=lambda path: path.stem)
def test_compiled_modules_import_no_python_of_ours(path: Path) -> None:
    for source in [path, *path.parent.glob("*.pxi")]:
        for number, line in enumerate(source.read_text().splitlines(), 1):
            words = line.split()
            if len(words) > 1 and words[0] in ("import", "from", "cimport") and not CIMPORTED.match(line):
                assert not words[1].startswith((".", "baseten_perf")), f"{source.name}:{number}: {line}"


@pytest.mark.parametrize("path", COMPILED, ids=lambda path: path.stem)
def test_parts_of_compiled_modules(path: Path) -> None:
    """The table of contents names each part once, and start-up comes last."""
    listed = [line.split('"')[1] for line in path.read_text().splitlines() if line.startswith("include ")]
    parts = [part for part in path.parent.glob("*.pxi") if listed]
    assert sorted(listed) == sorted(part.name for part in parts)
    assert not listed or listed[-1] == "startup.pxi"
    for part in parts:
        assert part.read_text().startswith("# "), part.name


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("engine/*.pxi")), ids=lambda path: path.stem)
def test_nothing_happens_before_start_up(path: Path) -> None:
    """In the engine's other parts, what stands at the left margin declares, defines, or names a constant."""
    if path.stem != "startup":
        begins = {line.split()[0].rstrip(":(") for line in path.read_text().splitlines() if line[:1].isalpha()}
        found = {word for word in begins if not word.isupper()}
        assert found <= {"cdef", "cpdef", "ctypedef", "def", "class", "from", "cimport"}


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


def test_no_document_is_cited_that_is_not_here() -> None:
    """Whoever reads `see NOTES.md` finds it."""
    folders = ("baseten_perf", "tests", "bench", ".ci", ".github")
    kinds = {".py", ".pyi", ".pyx", ".pxi", ".pxd", ".hpp", ".cpp", ".sh", ".yml", ".md", ".toml"}
    files = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in kinds]
    files += [ROOT / name for name in ("README.md", "pyproject.toml", "setup.py")]
    documents = {path.relative_to(ROOT).as_posix() for path in files if path.suffix == ".md"}
    names = documents | {document.rpartition("/")[2] for document in documents}
    assert "README.md" in names
    missing = [
        f"{path.relative_to(ROOT)}: {cited}"
        for path in files
        if path != Path(__file__).resolve()
        for cited in DOCUMENT.findall(path.read_text())
        if cited.removeprefix("./").removeprefix("../") not in names
    ]
    assert missing == []


def test_every_room_is_listed() -> None:
    rooms = {room_of(name_of(path)) for path in MODULES} | {room_of(name_of(path)) for path in NATIVE}
    assert rooms <= set(ORDER), rooms - set(ORDER)


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
