"""Benchmarks: baseten_perf and its alternatives side by side against canned answers (see README.md)."""
