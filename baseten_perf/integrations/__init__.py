"""Adapters for frameworks, a module or package each, which imports its framework when it is imported."""
