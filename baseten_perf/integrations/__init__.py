"""Adapters for frameworks, one module each; it imports its framework when it is imported, and nothing else does."""
