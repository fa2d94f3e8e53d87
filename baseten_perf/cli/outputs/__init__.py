"""Outputs: files that are made of rows and their results, in the order of the rows."""

from .jsonl import JsonStream
from .output import ARROW, Output, Table, check, make

__all__ = ["ARROW", "JsonStream", "Output", "Table", "check", "make"]
