# The layout of embeddings by input, for compiled modules.

cdef class EmbeddingsByInput:
    pass
