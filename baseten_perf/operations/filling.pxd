# A batch that is filled, input by input: it is closed when one more would exceed a limit.  An input that is beyond a limit
# by itself goes alone.

cdef struct Filling:
    Py_ssize_t most_inputs
    double most_characters
    double most_tokens
    Py_ssize_t first                # number of its first input
    double characters
    double tokens


cdef inline bint begins_another(Filling *batch, Py_ssize_t number, double characters, double tokens) noexcept nogil:
    """Whether this input is the first one of the next batch, which is filled from here on."""
    batch.characters += characters
    batch.tokens += tokens
    if number == batch.first or (
        number - batch.first < batch.most_inputs
        and batch.characters <= batch.most_characters and batch.tokens <= batch.most_tokens
    ):
        return False
    batch.first = number
    batch.characters = characters
    batch.tokens = tokens
    return True
