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

    // A new reference to the str of a label, which stands behind its key; null with the exception of decode_text.
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
    static constexpr size_t places = 256;  // as many as a byte has values
    static constexpr size_t longest = 64;

    // A collision costs time only: the label met last is kept.
    static size_t place(const JsonString& text) {
        size_t size = text.size();
        if (size == 0) return 0;
        // In front of a short one are characters of its key.
        uint64_t end = word_at(text.last - 8), start = 0;
        if (size < 8) end >>= 64 - 8 * size;
        else start = word_at(text.first) + word_at(text.first + (size - 8) / 2);
        return ((end ^ start * 0x9e3779b97f4a7c15) * 0xff51afd7ed558ccd) >> 56;
    }

    // Every label kept is ASCII.
    static bool same(PyObject* label, const JsonString& text) {
        return text.is(reinterpret_cast<const char*>(PyUnicode_1BYTE_DATA(label)),
                       static_cast<size_t>(PyUnicode_GET_LENGTH(label)));
    }

    PyObject* labels_[places] = {};
};

}  // namespace baseten
