"""Results on the disk, in the order in which they come, until the output is made of them."""

from .journal import Journal
from .results import Results
from .vectors import Vectors

__all__ = ["Journal", "Results", "Vectors"]
