"""Load: an endpoint of the user's own under load, and what it makes of it."""

from .figures import Figures, knees
from .requests import Requests
from .sample import Sample

__all__ = ["Figures", "Requests", "Sample", "knees"]
