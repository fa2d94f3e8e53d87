// The str of a JSON string.
#pragma once

#include <Python.h>

#include "decode/string.hpp"

namespace baseten {

// Null with an exception set: UnicodeDecodeError for what is no UTF-8, ValueError for what is no escape, MemoryError.
inline PyObject* decode_text(const JsonString& text) {
    if (!text.escaped) return PyUnicode_DecodeUTF8(text.first, static_cast<Py_ssize_t>(text.size()), nullptr);
    char* start = static_cast<char*>(PyMem_Malloc(text.size()));
    if (start == nullptr) return PyErr_NoMemory();
    char* end = unescape(text, start);
    PyObject* decoded = nullptr;
    if (end != nullptr) decoded = PyUnicode_DecodeUTF8(start, end - start, nullptr);
    else PyErr_SetNone(PyExc_ValueError);
    PyMem_Free(start);
    return decoded;
}

}  // namespace baseten
