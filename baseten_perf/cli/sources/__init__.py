"""Sources: the rows of a command's inputs, read as they are needed, however many there are."""

from .inputs import Inputs
from .opened import raw
from .row import BLANK, TEXT, Columns, Row, where

__all__ = ["BLANK", "TEXT", "Columns", "Inputs", "Row", "raw", "where"]
