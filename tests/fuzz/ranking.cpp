// The readers of rerank and classify answers under libFuzzer, beside Python's json.
//
// An input is a byte that says how many texts were sent, and to which API, and the body.  A reader must look at
// nothing outside of it, leave no exception but MemoryError, and give what Python's json reads, or nothing.
//
// It embeds Python: compile with `python3-config --includes`, link with `python3-config --ldflags --embed`, and run with
// PYTHONMALLOC=malloc.
#define PY_SSIZE_T_CLEAN
#include "ranking/answers.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

constexpr Py_ssize_t first_text = 1000;

PyTypeObject* scored_text;
PyTypeObject* scored_label;
PyObject* own_texts;
PyObject* agrees;  // in Python

constexpr const char* program = R"(
import json

own_texts = [f"own {k}" for k in range(4)]

def same(score, meant):
    return type(meant) in (int, float) and repr(score) == repr(float(meant))

def agrees(body, found, start):
    entries = json.loads(body.decode("utf-8-sig", "surrogatepass"))
    if isinstance(entries, dict):
        entries = entries["results" if start < 0 else "data"]
    assert len(entries) == len(found)
    if start < 0:
        assert len({one.index for one in found}) == len(found)
        for one, entry in zip(found, entries):
            document = entry.get("document")
            text = document.get("text") if isinstance(document, dict) else document
            assert type(entry["index"]) is int and one.index == entry["index"] and same(one.score, entry["relevance_score"])
            assert one.text == (f"own {one.index}" if text is None else text)
    elif start:
        assert sorted(one.index for one in found) == list(range(start, start + len(found)))
        for one, entry in zip(found, entries):
            assert type(entry["index"]) is int and one.index == start + entry["index"]
            assert one.text == entry.get("text") and same(one.score, entry["score"])
    else:
        for group, labels in zip(found, entries):
            assert len(group) == len(labels)
            for one, entry in zip(group, labels):
                assert one.label == entry["label"] and type(one.label) is str and same(one.score, entry["score"])
)";

void expect(bool held, const char* what) {
    if (held) return;
    std::fprintf(stderr, "not so: %s\n", what);
    if (PyErr_Occurred() != nullptr) PyErr_Print();
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
    static const char* const text_fields[] = {"index", "score", "text"};
    static const char* const label_fields[] = {"label", "score"};
    Py_InitializeEx(0);
    scored_text = reinterpret_cast<PyTypeObject*>(baseten::new_record_type(text_fields, 3));
    scored_label = reinterpret_cast<PyTypeObject*>(baseten::new_record_type(label_fields, 2));
    PyObject* names = PyDict_New();
    expect(scored_text != nullptr && scored_label != nullptr && names != nullptr, "record types are made");
    PyObject* done = PyRun_String(program, Py_file_input, names, names);
    expect(done != nullptr, "the comparison is compiled");
    Py_DECREF(done);
    own_texts = PyDict_GetItemString(names, "own_texts");
    agrees = PyDict_GetItemString(names, "agrees");
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static baseten::Labels* labels = new baseten::Labels;  // never freed: Python is not there any more at exit
    if (size == 0) return 0;
    int api = (data[0] & 3) % 3;  // text-embeddings-inference's rerank, Cohere's, or classify
    Py_ssize_t count = 1 + (data[0] >> 2) % 4;
    Py_ssize_t most = 1 + (data[0] >> 4) % count;
    // A copy of its own, so that a sanitizer sees what is read outside it.
    std::vector<char> body(data + 1, data + size);
    const char* p = body.data();
    const char* last = p + body.size();
    PyObject* results = api == 0   ? baseten::scored_texts(p, last, scored_text, first_text, count)
                        : api == 1 ? baseten::scored_documents(p, last, scored_text, own_texts, 0, count, most)
                                   : baseten::scored_labels(p, last, scored_label, count, *labels);
    PyObject* found = baseten::or_none(results);
    expect(found != nullptr, "no exception is left");
    if (found != Py_None) {
        Py_ssize_t items = PyList_GET_SIZE(found);
        expect(items == count || (api == 1 && items == most), "an item for each text");
        PyObject* agreed = PyObject_CallFunction(agrees, "y#On", p, static_cast<Py_ssize_t>(body.size()), found,
                                                 api == 0   ? first_text
                                                 : api == 1 ? Py_ssize_t{-1}
                                                            : Py_ssize_t{0});
        expect(agreed != nullptr, "the same as Python's json");
        Py_DECREF(agreed);
    }
    Py_DECREF(found);
    return 0;
}
