"""The README: its examples run and are typed, its tables are those of today, its links lead somewhere, it is short."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from baseten_perf.testing import Server

Mypy = Callable[[dict[str, str]], "subprocess.CompletedProcess[str]"]
ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
WORDS = 1800
TEXT = README.read_text(encoding="utf-8")
# Those of the section "Pipelines" need the engines: see tests/integrations.
SNIPPETS = re.findall(
    r"^```python\n(.*?)^```", re.sub(r"^## Pipelines$.*?^(?=## )", "", TEXT, flags=re.MULTILINE | re.DOTALL),
    re.MULTILINE | re.DOTALL,
)  # fmt: skip
PAGES = [README, ROOT / "bench" / "README.md", *sorted((ROOT / ".github").glob("*.md"))]


def test_examples_run() -> None:
    assert len(SNIPPETS) >= 5
    names: dict[str, Any] = {}
    with Server() as server:
        for snippet in SNIPPETS:
            exec(snippet.replace("http://127.0.0.1:8000", server.url), names)
        assert server.statistics().requests_by_path == {"/v1/embeddings": 9, "/rerank": 1, "/predict": 1}
    assert names["array"].shape == (3, 384)
    with Server() as server:
        names["test_search"](server)  # the example of a test


def test_mypy_accepts_each_example(mypy: Mypy) -> None:
    """Each after the first one, which makes the client."""
    examples = {f"example_{number}.py": f"{SNIPPETS[0]}\n{snippet}" for number, snippet in enumerate(SNIPPETS[1:], 1)}
    run = mypy({"client.py": SNIPPETS[0], **examples})
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_measured_tables_are_what_the_results_give() -> None:
    program = [sys.executable, ROOT / "bench" / "report.py", "--check"]
    ended = subprocess.run(program, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_the_readme_is_short() -> None:
    assert len(README.read_text(encoding="utf-8").split()) <= WORDS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_and_pictures_are_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = [*re.findall(r"\]\(([^)\s]+)\)", text), *re.findall(r'src="([^"]+)"', text)]
    for target in targets:
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        aimed = page.parent / path if path else page
        assert aimed.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", aimed.read_text(encoding="utf-8").lower(), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in headings}, target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_files_that_are_named_are_there(page: Path) -> None:
    named = re.findall(r"`((?:baseten_perf|bench|tests|[.]ci|[.]github)/[\w./*-]*)`", page.read_text(encoding="utf-8"))
    assert [name for name in named if not list(ROOT.glob(name.rstrip("/")))] == []
