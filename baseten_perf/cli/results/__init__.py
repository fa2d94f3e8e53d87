"""Results on the disk, in the order in which they come, until the output is made of them."""

from .journal import Journal
from .labels import Labels
from .results import Results
from .vectors import Vectors

__all__ = ["Journal", "Labels", "Results", "Vectors"]
