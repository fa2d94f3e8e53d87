// Undoes the coding br (RFC 7932) with the brotli decoder of a library that is loaded already, by its ABI alone.
#pragma once

#include <dlfcn.h>

#include <cstdint>

#include "decode/inflater.hpp"

namespace baseten {

struct BrotliLibrary {
    void* (*create)(void* allocate, void* release, void* opaque);
    void (*destroy)(void* state);
    int (*decompress)(void* state, size_t* avail_in, const uint8_t** next_in, size_t* avail_out, uint8_t** next_out,
                      size_t* total_out);
    int (*error)(const void* state);

    bool bind(void* library) {
        create = reinterpret_cast<decltype(create)>(dlsym(library, "BrotliDecoderCreateInstance"));
        destroy = reinterpret_cast<decltype(destroy)>(dlsym(library, "BrotliDecoderDestroyInstance"));
        decompress = reinterpret_cast<decltype(decompress)>(dlsym(library, "BrotliDecoderDecompressStream"));
        error = reinterpret_cast<decltype(error)>(dlsym(library, "BrotliDecoderGetErrorCode"));
        return create && destroy && decompress && error;
    }
};
inline BrotliLibrary brotli;

class Unbrotli {
  public:
    Unbrotli() = default;
    Unbrotli(const Unbrotli&) = delete;
    Unbrotli& operator=(const Unbrotli&) = delete;
    ~Unbrotli() { start(); }

    // Brotli's state cannot be used again: each body has one of its own, from its first byte on.
    void start() {
        if (state_ != nullptr) brotli.destroy(state_);
        state_ = nullptr;
        over_ = false;
    }

    // As Inflater's.
    template <class Take>
    Decoded feed(const char* text, size_t size, Take take) {
        constexpr int failed = 0, success = 1, more_output = 3;
        uint8_t out[decoded_piece];
        const uint8_t* next_in = reinterpret_cast<const uint8_t*>(text);
        if (over_ || size == 0) return Decoded::fine;
        if (state_ == nullptr) state_ = brotli.create(nullptr, nullptr, nullptr);
        if (state_ == nullptr) return Decoded::no_memory;
        for (;;) {
            uint8_t* next_out = out;
            size_t avail_out = sizeof out;
            int result = brotli.decompress(state_, &size, &next_in, &avail_out, &next_out, nullptr);
            if (result == failed) return out_of_memory() ? Decoded::no_memory : Decoded::broken;
            size_t made = sizeof out - avail_out;
            if (made != 0 && !take(reinterpret_cast<const char*>(out), made)) return Decoded::stopped;
            if (result == more_output) continue;
            over_ = result == success;
            return Decoded::fine;
        }
    }

    bool whole() const { return over_ || state_ == nullptr; }

  private:
    bool out_of_memory() const {
        int code = brotli.error(state_);
        return -31 < code && code <= -21;  // BROTLI_DECODER_ERROR_ALLOC_...
    }

    void* state_ = nullptr;
    bool over_ = false;
};

}  // namespace baseten
