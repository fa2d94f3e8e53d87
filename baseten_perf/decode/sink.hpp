// What a reader makes of an embeddings response: vectors in rows, all the rest in a skeleton, and the first failure.
//
// The skeleton is a document of the same format in which each vector is replaced by an integer: k for the k-th vector of
// the response when it was an array of numbers, -1-k when it was base64.  Everything else is in it verbatim, and is validated
// by whoever parses it.  An integer that the server itself puts where a vector belongs is a failure, so that whoever finds
// one there in the skeleton knows that it stands for a vector.  Nothing throws.
#pragma once

#include <cstdio>
#include <cstring>

#include "decode/bytes.hpp"
#include "decode/vectors.hpp"

static_assert(sizeof(float) == 4 && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "rows are little-endian float32");

namespace baseten {

class Sink {
  public:
    static constexpr size_t head_size = 200;

    Vectors vectors;
    Bytes skeleton;
    char head[head_size];  // how the body began, for error messages
    size_t head_used = 0;
    char failure[160] = "";
    bool out_of_memory = false;

    void start(size_t most, void* owner, ReserveRows reserve_rows, bool detached) {
        vectors.start(owner, reserve_rows, detached);
        skeleton.size = 0;
        head_used = 0;
        failure[0] = 0;
        out_of_memory = false;
        most_ = most;
    }

    bool failed() const { return failure[0] != 0; }
    void fail(const char* why) { std::snprintf(failure, sizeof failure, "vector %zu: %s", vectors.count(), why); }
    void fail_memory() {
        out_of_memory = true;
        fail("out of memory");
    }

    void remember_head(const char* text, size_t size) {
        if (head_used == head_size) return;
        size_t more = size < head_size - head_used ? size : head_size - head_used;
        std::memcpy(head + head_used, text, more);
        head_used += more;
    }
    bool keep(const char* text, size_t size) {
        if (skeleton.append(text, size)) return true;
        fail_memory();
        return false;
    }
    bool begin_vector() {
        if (vectors.count() == most_) {
            fail("more vectors than inputs");
            return false;
        }
        vectors.begin_vector();
        return true;
    }
    // Ends the current vector and gives the integer that stands for it in the skeleton.
    bool end_vector(bool base64, long long* placeholder) {
        long long number = static_cast<long long>(vectors.count());
        *placeholder = base64 ? -1 - number : number;
        if (vectors.end_vector()) return true;
        fail_memory();
        return false;
    }

  private:
    size_t most_ = 0;  // vectors that the batch may have
};

}  // namespace baseten
