"""The only rooms that wait: `call` carries an operation to the engine and back, `blocking` and `asynchronous` wait."""
