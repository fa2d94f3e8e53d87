"""Builds the compiled modules; everything else about the distribution stands in pyproject.toml."""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build import build

# BASETEN_PERF_CFLAGS adds compiler and linker flags, e.g. "-Wall -Wextra"; .ci/sanitize uses it.
flags = os.environ.get("BASETEN_PERF_CFLAGS", "").split()

INCLUDED = {".pxi", ".hpp", ".pxd"}


def extension(name: str, source: str) -> Extension:
    """The module of this name, made of a file with this suffix."""
    return Extension(
        name,
        sources=[name.replace(".", "/") + source],
        include_dirs=["baseten_perf"],
        depends=sorted(str(path) for path in Path("baseten_perf").rglob("*") if path.suffix in INCLUDED),
        language="c++",
        extra_compile_args=["-std=c++17", "-O3", "-fvisibility=hidden", *flags],
        extra_link_args=flags,
    )


class Build(build):
    """Leaves in build/ what these sources give and no more: everything in there is installed."""

    def run(self) -> None:
        super().run()
        commands = [self.get_finalized_command(name) for name in self.get_sub_commands()]
        made = {os.path.normpath(file) for command in commands for file in command.get_outputs()}
        for path in Path(self.build_lib).rglob("*"):
            if path.is_file() and os.path.normpath(path) not in made:
                path.unlink()


setup(
    cmdclass={"build": Build},
    options={"build_ext": {"parallel": os.cpu_count()}},
    ext_modules=cythonize(
        [
            extension("baseten_perf.engine._engine", ".pyx"),
            extension("baseten_perf.ranking._ranking", ".pyx"),
            extension("baseten_perf.operations._arrow", ".pyx"),
            extension("baseten_perf.operations._inputs", ".pyx"),
            extension("baseten_perf.operations._json", ".pyx"),
            extension("baseten_perf.operations._skeleton", ".pyx"),
            extension("baseten_perf.responses._arrow", ".pyx"),
        ],
        compiler_directives={
            "language_level": "3",
            "boundscheck": False,
            "wraparound": False,
            "cdivision": True,
            "initializedcheck": False,
        },
    )
    # Python, with its own meaning; a .pxd beside each says how its classes lie in memory.
    + cythonize(
        [
            extension("baseten_perf.operations.operation", ".py"),
            extension("baseten_perf.operations.batching", ".py"),
            extension("baseten_perf.operations.batched", ".py"),
            extension("baseten_perf.operations.columns", ".py"),
            extension("baseten_perf.operations.embed", ".py"),
            extension("baseten_perf.operations.payload", ".py"),
            extension("baseten_perf.operations.post", ".py"),
            extension("baseten_perf.operations.quick_json", ".py"),
            extension("baseten_perf.operations.response_body", ".py"),
            extension("baseten_perf.operations.skeleton", ".py"),
            extension("baseten_perf.operations.texts", ".py"),
            extension("baseten_perf.operations.tokens", ".py"),
            extension("baseten_perf.client.caller", ".py"),
            extension("baseten_perf.execution.asynchronous", ".py"),
            extension("baseten_perf.execution.blocking", ".py"),
            extension("baseten_perf.execution.call", ".py"),
            extension("baseten_perf.execution.call_log", ".py"),
            extension("baseten_perf.log", ".py"),
            extension("baseten_perf.responses.by_input", ".py"),
            extension("baseten_perf.responses.rows", ".py"),
            extension("baseten_perf.validation", ".py"),
        ],
        compiler_directives={"language_level": "3", "annotation_typing": False, "auto_pickle": False},
    ),
)
