// Reads JSON answers of rerank and classify straight into records, as text-embeddings-inference gives them:
//   [{"index":0,"score":0.9,"text":"..."}, ...]          [[{"label":"x","score":0.9}, ...], ...]
// as Cohere and Infinity do:
//   {"results":[{"index":0,"relevance_score":0.9,"document":...}, ...], ...}          {"data":[[...], ...], ...}
//
// Key order and white space do not matter, and further fields are skipped.  What is out of the ordinary in
// any way is left to the general JSON reader, which knows more of JSON and can say what is wrong.  So nothing may be
// accepted here that the general reader refuses, and every value must be the one that it gives.
//
// To be called with the GIL: they make Python objects.
#pragma once

#include <memory>

#include "ranking/labels.hpp"
#include "ranking/record.hpp"
#include "ranking/shape.hpp"
#include "ranking/text.hpp"

namespace baseten {

struct Release {
    void operator()(PyObject* object) const { Py_DECREF(object); }
    void operator()(bool* memory) const { PyMem_Free(memory); }
};
using Reference = std::unique_ptr<PyObject, Release>;

// A list of so many records, or of lists of them.  The collector need not know it: they refer to nothing that it knows,
// and so a collection does not walk through all that a call has brought.
inline PyObject* new_list(Py_ssize_t count) {
    PyObject* list = PyList_New(count);
    if (list != nullptr) PyObject_GC_UnTrack(list);
    return list;
}

// The items of an answer to `count` texts, of which the first has number `start`, at `*p`, moved to behind them; their
// indices are different.  A new list of records (index, score, text), of all texts or of `most`; null with an exception
// set, or without one when the general reader shall look.  `text_of` gives a new reference for an item and its number.
template <typename Keys, typename TextOf>
PyObject* scored_items(const char** p, const char* last, PyTypeObject* type, Py_ssize_t start, Py_ssize_t count,
                       Py_ssize_t most, TextOf text_of) {
    std::unique_ptr<bool, Release> seen(static_cast<bool*>(PyMem_Calloc(static_cast<size_t>(count), sizeof(bool))));
    if (seen == nullptr) return PyErr_NoMemory();
    Reference results(new_list(count));
    if (results == nullptr) return nullptr;
    *p = skip_mark(*p, last, '[');
    ItemReader<Keys> reader;
    Py_ssize_t k = 0;
    Item item;
    for (bool more = true; more; ++k) {
        *p = reader.read(*p, last, &item);
        if (*p == nullptr || *p == last || !item.has_index || !item.has_score) return nullptr;
        if (k == count || item.index >= count || seen.get()[item.index]) return nullptr;
        seen.get()[item.index] = true;
        PyObject* text = text_of(item, start + item.index);
        PyObject* index = PyLong_FromSsize_t(start + item.index);
        PyObject* result = new_record(type, index, PyFloat_FromDouble(item.score), text);
        if (result == nullptr) return nullptr;
        PyList_SET_ITEM(results.get(), k, result);
        more = **p == ',';
        *p = skip_mark(*p, last, more ? ',' : ']');
    }
    if (*p == nullptr || (k != count && k != most)) return nullptr;
    if (k < count && PyList_SetSlice(results.get(), k, count, nullptr) < 0) return nullptr;
    return results.release();
}

inline PyObject* decode_or_none(const Item& item) {
    if (item.has_text()) return decode_text(item.name);
    Py_RETURN_NONE;
}

// A rerank answer of text-embeddings-inference.
inline PyObject* scored_texts(const char* p, const char* last, PyTypeObject* type, Py_ssize_t start, Py_ssize_t count) {
    Reference results(scored_items<TextKeys>(&p, last, type, start, count, count,
                                             [](const Item& item, Py_ssize_t) { return decode_or_none(item); }));
    return p == last ? results.release() : nullptr;
}

// A rerank answer of Cohere, to a request for the best `most` texts.  A result has the text that the server sent, else
// that of `texts`, a list of all; None when `texts` is.
inline PyObject* scored_documents(const char* p, const char* last, PyTypeObject* type, PyObject* texts,
                                  Py_ssize_t start, Py_ssize_t count, Py_ssize_t most) {
    p = enter_member(p, last, "results");
    auto text_of = [texts](const Item& item, Py_ssize_t number) -> PyObject* {
        // What cannot be decoded is for the general reader, wanted or not.
        PyObject* text = texts != Py_None || !item.name.plain() ? decode_or_none(item) : Py_NewRef(Py_None);
        if (text == nullptr || (text != Py_None) == (texts != Py_None)) return text;
        Py_DECREF(text);
        return Py_NewRef(texts != Py_None ? PyList_GET_ITEM(texts, number) : Py_None);
    };
    Reference results(scored_items<DocumentKeys>(&p, last, type, start, count, most, text_of));
    if (results != nullptr) p = leave_member(p, last, "results");
    return p == last ? results.release() : nullptr;
}

// The labels of one text at `*p`, moved to behind them: a new list of records (label, score), or null as above.  There
// are `expected` of them, and where not, that is put right.
inline PyObject* labels_of_one(const char** p, const char* last, PyTypeObject* type, Labels& labels,
                               ItemReader<LabelKeys>& reader, Py_ssize_t* expected) {
    *p = skip_mark(*p, last, '[');
    if (*p == nullptr || *p == last) return nullptr;
    bool empty = **p == ']';
    Py_ssize_t room = empty ? 0 : *expected, k = 0;
    Reference results(new_list(room));
    if (results == nullptr) return nullptr;
    Item item;
    for (bool more = !empty; more; ++k) {
        *p = reader.read(*p, last, &item);
        if (*p == nullptr || *p == last || !item.has_score || !item.has_name || item.is_null) return nullptr;
        Reference result(new_record(type, labels.get(item.name), PyFloat_FromDouble(item.score)));
        if (result == nullptr) return nullptr;
        if (k < room) PyList_SET_ITEM(results.get(), k, result.release());
        else if (PyList_Append(results.get(), result.get()) < 0) return nullptr;
        more = **p != ']';
        if (more) *p = skip_mark(*p, last, ',');
    }
    if (k < room && PyList_SetSlice(results.get(), k, room, nullptr) < 0) return nullptr;
    *expected = k;
    *p = skip_mark(*p, last, ']');
    return *p != nullptr ? results.release() : nullptr;
}

// One such list for each of `count` texts, in an array or in the `data` of an object.
inline PyObject* scored_labels(const char* p, const char* last, PyTypeObject* type, Py_ssize_t count, Labels& labels) {
    Reference groups(new_list(count));
    if (groups == nullptr) return nullptr;
    ItemReader<LabelKeys> reader;
    Py_ssize_t expected = 0;
    p = skip_white(p, last);
    bool is_object = p < last && *p == '{';
    if (is_object) p = enter_member(p, last, "data");
    p = skip_mark(p, last, '[');
    for (Py_ssize_t k = 0; k < count; ++k) {
        PyObject* group = labels_of_one(&p, last, type, labels, reader, &expected);
        if (group == nullptr) return nullptr;
        PyList_SET_ITEM(groups.get(), k, group);
        p = skip_mark(p, last, k + 1 < count ? ',' : ']');
    }
    if (is_object) p = leave_member(p, last, "data");
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
