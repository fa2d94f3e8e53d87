// Records: Python objects of up to three fields that the garbage collector does not know.
//
// One answer makes dozens of them, one call millions.  Without the collector's head they are smaller, and no collection
// is set off by them or walks through them.  It is not missed as long as the fields hold numbers and strings, which can
// close no cycle.  The fields are described as CPython describes __slots__, and so are read as quickly.
#pragma once

#include <Python.h>
#include <structmember.h>

#include <cstddef>

namespace baseten {

struct Record {
    PyObject_HEAD
    PyObject* weak_references;
    PyObject* fields[3];  // null from the first that the type has not got
};

inline void deallocate_record(PyObject* self) {
    Record* record = reinterpret_cast<Record*>(self);
    PyTypeObject* type = Py_TYPE(self);
    if (record->weak_references != nullptr) PyObject_ClearWeakRefs(self);
    for (PyObject* field : record->fields) Py_XDECREF(field);
    type->tp_free(self);
    Py_DECREF(type);
}

// A new type with fields of these names, which live as long as the type.  Null with an exception set.
inline PyObject* new_record_type(const char* const* names, int count) {
    PyMemberDef members[5] = {};  // the last one stays empty
    members[0] = {"__weaklistoffset__", T_PYSSIZET, offsetof(Record, weak_references), READONLY, nullptr};
    for (int k = 0; k < count; ++k)
        members[1 + k] = {names[k], T_OBJECT_EX,
                          static_cast<Py_ssize_t>(offsetof(Record, fields) + k * sizeof(PyObject*)), 0, nullptr};
    PyType_Slot slots[] = {{Py_tp_members, members},
                           {Py_tp_dealloc, reinterpret_cast<void*>(deallocate_record)},
                           {0, nullptr}};
    PyType_Spec spec = {"baseten_perf.Record", sizeof(Record), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};
    return PyType_FromSpec(&spec);
}

// Whether it is a type that new_record_type made; a class derived from one in Python is not.
inline bool is_record_type(PyTypeObject* type) { return type->tp_dealloc == deallocate_record; }

// A new record.  Takes the reference to each value, also when it fails; one of them may be null with an exception set.
template <typename... Values>
PyObject* new_record(PyTypeObject* type, Values... values) {
    static_assert(sizeof...(values) <= 3, "a record has three fields");
    Record* record = (... && (values != nullptr)) ? PyObject_New(Record, type) : nullptr;
    if (record == nullptr) {
        (Py_XDECREF(values), ...);
        return nullptr;
    }
    record->weak_references = nullptr;
    PyObject* fields[3] = {values...};
    for (int k = 0; k < 3; ++k) record->fields[k] = fields[k];
    return reinterpret_cast<PyObject*>(record);
}

}  // namespace baseten
