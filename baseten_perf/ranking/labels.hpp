// The labels met lately: a classifier gives the same few with every text, so each of them is one str and not thousands.
//
// Owns a reference to each label.  To be used, and destroyed, with the GIL.
#pragma once

#include "ranking/text.hpp"

namespace baseten {

class Labels {
  public:
    Labels() = default;
    Labels(const Labels&) = delete;
    Labels& operator=(const Labels&) = delete;
    ~Labels() {
        for (PyObject* label : labels_) Py_XDECREF(label);
    }

    // A new reference to the str of a label; null with the exception of decode_text.
    PyObject* get(const JsonString& text) {
        if (text.size() > longest || !text.plain()) return decode_text(text);
        PyObject*& kept = labels_[place(text)];
        if (kept == nullptr || !same(kept, text)) {
            PyObject* label = decode_text(text);
            if (label == nullptr) return nullptr;
            Py_XDECREF(kept);
            kept = label;
        }
        Py_INCREF(kept);
        return kept;
    }

  private:
    static constexpr size_t places = 256;
    static constexpr size_t longest = 64;

    // FNV-1a.  A collision costs time only: the label met last is kept.
    static size_t place(const JsonString& text) {
        uint32_t hash = 2166136261u;
        for (const char* p = text.first; p < text.last; ++p) hash = (hash ^ static_cast<unsigned char>(*p)) * 16777619u;
        return (hash ^ hash >> 16) % places;
    }

    // Every label kept is ASCII.
    static bool same(PyObject* label, const JsonString& text) {
        return text.is(reinterpret_cast<const char*>(PyUnicode_1BYTE_DATA(label)),
                       static_cast<size_t>(PyUnicode_GET_LENGTH(label)));
    }

    PyObject* labels_[places] = {};
};

}  // namespace baseten
