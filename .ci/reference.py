"""Writes the API reference from the docstrings: `python .ci/reference.py FOLDER`. What does not resolve is an error."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

import pdoc

import baseten_perf

warnings.simplefilter("error")
# Some are loaded when they are first asked for, and pdoc does not ask.
vars(baseten_perf).update({name: getattr(baseten_perf, name) for name in baseten_perf.__all__})
pdoc.render.configure(docformat="google")
folder = Path(sys.argv[1]).resolve()
folder.mkdir(parents=True, exist_ok=True)
os.chdir(folder)  # away from a checkout, whose folder of the same name pdoc warns of
pdoc.pdoc("baseten_perf", "baseten_perf.pipelines", "baseten_perf.testing", output_directory=folder)
