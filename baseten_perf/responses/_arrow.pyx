"""Vectors as an Arrow array: rows of float32 for whoever takes them, such as pyarrow, polars, DuckDB or nanoarrow.

The structs are those of Arrow's C data interface, in the capsules of its PyCapsule interface:
https://arrow.apache.org/docs/format/CDataInterface.html, .../CDataInterface/PyCapsuleInterface.html.

Owner: each exported ArrowArray refers to the ArrowVectors whose memory it shows, until it is released.  A consumer may
move the child out of its parent and release the two in any order, in any thread; so each has a node of its own.
"""

from cpython.buffer cimport PyBUF_ND, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytearray cimport PyByteArray_AS_STRING
from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_New
from cpython.ref cimport Py_DECREF, Py_INCREF, PyObject
from libc.stdint cimport int64_t
from libc.stdio cimport snprintf
from libc.stdlib cimport calloc, free

from baseten_perf.responses.arrow cimport ArrowArray, ArrowSchema


cdef extern from "Python.h" nogil:
    bint Py_IsInitialized()

cdef enum:
    NULLABLE = 2                    # ARROW_FLAG_NULLABLE

# What an exported array owns.
cdef struct ArrayNode:
    PyObject *vectors               # one reference
    const void *buffers[2]
    ArrowArray *children[1]
    ArrowArray child

# What an exported schema owns.
cdef struct SchemaNode:
    char format[32]
    ArrowSchema *children[1]
    ArrowSchema child


cdef class ArrowVectors:
    """An Arrow array of type fixed_size_list<float32>[dimension]: one list for each row, null for rows that are missing.

    It shows memory of others, without a copy, and keeps it in use; so does whatever a consumer makes of it.

    Parameters:
        memory: a C-contiguous buffer of `rows` times `dimension` float32.
        missing: numbers of the rows that are null.
    """

    cdef Py_buffer view
    cdef Py_ssize_t rows
    cdef Py_ssize_t dimension
    cdef Py_ssize_t nulls
    cdef bytearray valid            # a bit for each row; None where all are valid

    def __cinit__(self, memory, rows: int, dimension: int, missing=()):
        cdef Py_ssize_t i
        cdef char *bits
        self.rows = rows
        self.dimension = dimension
        self.nulls = len(missing)
        if self.nulls > 0:
            self.valid = bytearray(b"\xff") * ((self.rows + 7) // 8)
            bits = PyByteArray_AS_STRING(self.valid)
            for i in missing:
                if not 0 <= i < self.rows:
                    raise IndexError(f"row {i} of {self.rows}")
                bits[i >> 3] &= ~(1 << (i & 7))
        PyObject_GetBuffer(memory, &self.view, PyBUF_ND)
        if self.view.len != self.rows * self.dimension * <Py_ssize_t>sizeof(float):
            raise ValueError(f"{self.view.len} bytes are not {rows} rows of {dimension} float32")

    def __len__(self):
        return self.rows

    def __repr__(self):
        return f"<ArrowVectors: {self.rows} of fixed_size_list<float32>[{self.dimension}], {self.nulls} null>"

    def __arrow_c_schema__(self):
        """The type, as a capsule of an ArrowSchema."""
        cdef ArrowSchema *schema = <ArrowSchema *>calloc(1, sizeof(ArrowSchema))
        if schema == NULL:
            raise MemoryError
        capsule = in_capsule(schema, b"arrow_schema", drop_schema)
        cdef SchemaNode *node = <SchemaNode *>calloc(1, sizeof(SchemaNode))
        if node == NULL:
            raise MemoryError
        snprintf(node.format, sizeof(node.format), b"+w:%zd", self.dimension)
        node.child = ArrowSchema(
            format=b"f", name=b"item", metadata=NULL, flags=NULLABLE, n_children=0, children=NULL, dictionary=NULL,
            release=release_child_schema, private_data=NULL,
        )
        node.children[0] = &node.child
        schema[0] = ArrowSchema(
            format=<const char *>node.format, name=b"", metadata=NULL, flags=NULLABLE, n_children=1,
            children=<ArrowSchema **>node.children, dictionary=NULL, release=release_schema, private_data=node,
        )
        return capsule

    def __arrow_c_array__(self, requested_schema=None):
        """The type and the array, as capsules of an ArrowSchema and an ArrowArray.

        There is one type to be had: to cast what was requested otherwise is left to the consumer.
        """
        schema = self.__arrow_c_schema__()
        cdef ArrowArray *array = <ArrowArray *>calloc(1, sizeof(ArrowArray))
        if array == NULL:
            raise MemoryError
        capsule = in_capsule(array, b"arrow_array", drop_array)
        cdef ArrayNode *node = self.node()
        cdef ArrayNode *of_child = self.node()
        if node == NULL or of_child == NULL:
            drop_node(node)
            drop_node(of_child)
            raise MemoryError
        of_child.buffers[1] = self.view.buf
        node.child = ArrowArray(
            length=self.rows * self.dimension, null_count=0, offset=0, n_buffers=2, n_children=0,
            buffers=<const void **>of_child.buffers, children=NULL, dictionary=NULL, release=release_array,
            private_data=of_child,
        )
        node.children[0] = &node.child
        if self.valid is not None:
            node.buffers[0] = PyByteArray_AS_STRING(self.valid)
        array[0] = ArrowArray(
            length=self.rows, null_count=self.nulls, offset=0, n_buffers=1, n_children=1,
            buffers=<const void **>node.buffers, children=<ArrowArray **>node.children, dictionary=NULL,
            release=release_array, private_data=node,
        )
        return schema, capsule

    cdef ArrayNode *node(self) noexcept:
        """A node that refers to these vectors; NULL when memory has run out."""
        cdef ArrayNode *node = <ArrayNode *>calloc(1, sizeof(ArrayNode))
        if node != NULL:
            node.vectors = <PyObject *>self
            Py_INCREF(self)
        return node

    def __dealloc__(self):
        PyBuffer_Release(&self.view)


ctypedef void (*Destructor)(object) noexcept


cdef object in_capsule(void *exported, const char *name, Destructor drop):
    """A capsule that owns a struct from calloc, which is still empty."""
    try:
        return PyCapsule_New(exported, name, <void (*)(object) noexcept>drop)
    except BaseException:
        free(exported)
        raise


cdef void drop_schema(object capsule) noexcept:
    cdef ArrowSchema *schema = <ArrowSchema *>PyCapsule_GetPointer(capsule, b"arrow_schema")
    if schema.release != NULL:      # else a consumer has moved it out, or it never was filled
        schema.release(schema)
    free(schema)


cdef void drop_array(object capsule) noexcept:
    cdef ArrowArray *array = <ArrowArray *>PyCapsule_GetPointer(capsule, b"arrow_array")
    if array.release != NULL:
        array.release(array)
    free(array)


cdef void release_schema(ArrowSchema *schema) noexcept nogil:
    cdef SchemaNode *node = <SchemaNode *>schema.private_data
    if node.child.release != NULL:
        node.child.release(&node.child)
    free(node)
    schema.release = NULL


cdef void release_child_schema(ArrowSchema *schema) noexcept nogil:
    schema.release = NULL


cdef void release_array(ArrowArray *array) noexcept nogil:
    """In any thread, with the GIL or without."""
    cdef ArrayNode *node = <ArrayNode *>array.private_data
    if node.child.release != NULL:
        node.child.release(&node.child)
    drop_node(node)
    array.release = NULL


cdef void drop_node(ArrayNode *node) noexcept nogil:
    if node == NULL:
        return
    if Py_IsInitialized():          # a consumer's static variables may outlive Python
        with gil:
            Py_DECREF(<object>node.vectors)
    free(node)
