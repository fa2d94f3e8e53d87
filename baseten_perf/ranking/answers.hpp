// Reads JSON answers of rerank and classify straight into records, as text-embeddings-inference gives them:
//   [{"index":0,"score":0.9,"text":"..."}, ...]          [[{"label":"x","score":0.9}, ...], ...]
//
// Key order and white space do not matter, and further fields of plain values are skipped.  What is out of the ordinary in
// any way is left to the general JSON reader, which knows more of JSON and can say what is wrong.  So nothing may be
// accepted here that the general reader refuses, and every value must be the one that it gives.
//
// To be called with the GIL: they make Python objects.
#pragma once

#include <memory>

#include "ranking/item.hpp"
#include "ranking/labels.hpp"
#include "ranking/record.hpp"
#include "ranking/text.hpp"

namespace baseten {

struct Release {
    void operator()(PyObject* object) const { Py_DECREF(object); }
    void operator()(bool* memory) const { PyMem_Free(memory); }
};
using Reference = std::unique_ptr<PyObject, Release>;

// What a server says of `count` texts, of which the first has number `start`; the indices are a permutation.  A new
// list of records (index, score, text); null with an exception set, or without one when the general reader shall look.
inline PyObject* scored_texts(const char* p, const char* last, PyTypeObject* type, Py_ssize_t start, Py_ssize_t count) {
    std::unique_ptr<bool, Release> seen(static_cast<bool*>(PyMem_Calloc(static_cast<size_t>(count), sizeof(bool))));
    if (seen == nullptr) return PyErr_NoMemory();
    Reference results(PyList_New(count));
    if (results == nullptr) return nullptr;
    p = skip_mark(p, last, '[');
    for (Py_ssize_t k = 0; k < count; ++k) {
        Item item;
        p = read_item(p, last, "text", 4, &item);
        if (p == nullptr || !item.has_index || !item.has_score) return nullptr;
        if (item.index >= count || seen.get()[item.index]) return nullptr;
        seen.get()[item.index] = true;
        PyObject* text = Py_None;
        if (item.has_name && !item.is_null) text = decode_text(item.name);
        else Py_INCREF(text);
        PyObject* index = PyLong_FromSsize_t(start + item.index);
        PyObject* result = new_record(type, index, PyFloat_FromDouble(item.score), text);
        if (result == nullptr) return nullptr;
        PyList_SET_ITEM(results.get(), k, result);
        p = skip_mark(p, last, k + 1 < count ? ',' : ']');
    }
    return p == last ? results.release() : nullptr;
}

// The labels of one text at `*p`, moved to behind them: a new list of records (label, score), or null as above.
inline PyObject* labels_of_one(const char** p, const char* last, PyTypeObject* type, Labels& labels) {
    Reference results(PyList_New(0));
    if (results == nullptr) return nullptr;
    *p = skip_mark(*p, last, '[');
    bool empty = *p != nullptr && *p < last && **p == ']';
    while (!empty) {
        Item item;
        *p = read_item(*p, last, "label", 5, &item);
        if (*p == nullptr || *p == last || !item.has_score || !item.has_name || item.is_null) return nullptr;
        Reference result(new_record(type, labels.get(item.name), PyFloat_FromDouble(item.score)));
        if (result == nullptr || PyList_Append(results.get(), result.get()) < 0) return nullptr;
        if (**p == ']') break;
        *p = skip_mark(*p, last, ',');
    }
    *p = skip_mark(*p, last, ']');
    return *p != nullptr ? results.release() : nullptr;
}

// One such list for each of `count` texts.
inline PyObject* scored_labels(const char* p, const char* last, PyTypeObject* type, Py_ssize_t count, Labels& labels) {
    Reference groups(PyList_New(count));
    if (groups == nullptr) return nullptr;
    p = skip_mark(p, last, '[');
    for (Py_ssize_t k = 0; k < count; ++k) {
        PyObject* group = labels_of_one(&p, last, type, labels);
        if (group == nullptr) return nullptr;
        PyList_SET_ITEM(groups.get(), k, group);
        p = skip_mark(p, last, k + 1 < count ? ',' : ']');
    }
    return p == last ? groups.release() : nullptr;
}

// None where the general reader shall look; that includes strings that cannot be decoded.
inline PyObject* or_none(PyObject* results) {
    if (results != nullptr) return results;
    if (PyErr_Occurred() != nullptr) {
        if (!PyErr_ExceptionMatches(PyExc_ValueError)) return nullptr;
        PyErr_Clear();
    }
    Py_RETURN_NONE;
}

}  // namespace baseten
