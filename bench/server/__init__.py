"""The server of the benchmarks: fixed answers, as cheap as they can be served."""
