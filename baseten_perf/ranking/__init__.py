"""Rerank and classify answers, compiled: the storage of their results, and the reader that fills it from JSON."""
