// A growable run of bytes from malloc, which whoever takes it frees with free().  Nothing here throws.
#pragma once

#include <cstdlib>
#include <cstring>
#include <utility>

namespace baseten {

struct Bytes {
    static constexpr size_t most_kept = 1 << 20;

    char* data = nullptr;
    size_t size = 0;
    size_t capacity = 0;

    Bytes() = default;
    Bytes(const Bytes&) = delete;
    Bytes& operator=(const Bytes&) = delete;
    ~Bytes() { std::free(data); }

    bool reserve(size_t more) {
        if (capacity - size >= more) return true;
        size_t wanted = capacity < 512 ? 1024 : capacity * 2;
        while (wanted - size < more) wanted *= 2;
        char* grown = static_cast<char*>(std::realloc(data, wanted));
        if (grown == nullptr) return false;
        data = grown;
        capacity = wanted;
        return true;
    }
    bool append(const char* text, size_t length) {
        if (!reserve(length)) return false;
        if (length != 0) std::memcpy(data + size, text, length);
        size += length;
        return true;
    }
    void swap(Bytes& other) {
        std::swap(data, other.data);
        std::swap(size, other.size);
        std::swap(capacity, other.capacity);
    }
    // Starts again from nothing, in the same memory unless it is more than most bodies need.
    void restart() {
        if (capacity > most_kept) std::free(take());
        size = 0;
    }
    // Hands the memory over: the caller frees it, this run starts again from nothing.
    char* take() {
        char* taken = data;
        data = nullptr;
        size = capacity = 0;
        return taken;
    }
};

}  // namespace baseten
