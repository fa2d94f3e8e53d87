// Base64 text of little-endian float32 on its way into the current vector, in pieces of any size.
//
// Whether it is such text is only known at its end.  When it turns out not to be, `put_back` gives the text as it was:
// what has been decoded is encoded again, which is lossless.
#pragma once

#include <cstring>

#include "decode/bytes.hpp"
#include "decode/kernels/kernel.hpp"
#include "decode/vectors.hpp"

namespace baseten {

enum class Taken { yes, not_base64, no_memory };

class Base64Text {
  public:
    void start() { waiting_ = 0; }
    bool empty() const { return waiting_ == 0; }  // no characters wait for the rest of their group

    // One character.  Sixteen make three floats; fewer wait.
    Taken put(Vectors& vectors, char c) {
        group_[waiting_++] = c;
        if (waiting_ < sizeof group_) return Taken::yes;
        Taken taken = put_sixteen(vectors, group_);
        if (taken == Taken::yes) waiting_ = 0;
        return taken;
    }

    // As many sixteens of characters as there are, while none wait; `p` is then behind those taken.
    static Taken put_sixteens(Vectors& vectors, const char*& p, const char* last) {
        Taken taken = Taken::yes;
        while (taken == Taken::yes && last - p >= 16) {
            size_t here = static_cast<size_t>(last - p) / 16, fit = vectors.room() / 3;
            if (here > fit) here = fit;
            if (here == 0) {
                taken = put_sixteen(vectors, p);
                if (taken == Taken::yes) p += 16;
                continue;
            }
            char* row = reinterpret_cast<char*>(vectors.row() + vectors.have());
            size_t count = kernel->decode_base64(p, here, row);
            vectors.advance(3 * count);
            p += 16 * count;
            if (count < here) taken = Taken::not_base64;
        }
        return taken;
    }

    // The end of the text: 0, 8 ("......==") or 12 ("............" "=") characters make whole float32s.
    Taken end(Vectors& vectors) {
        if (waiting_ == 0) return Taken::yes;
        if (waiting_ != 8 && waiting_ != 12) return Taken::not_base64;
        size_t padding = waiting_ == 8 ? 2 : 1;
        char text[sizeof group_];
        uint8_t bytes[12];
        char canonical[sizeof group_];
        std::memcpy(text, group_, waiting_);
        for (size_t i = waiting_ - padding; i < waiting_; ++i) {
            if (text[i] != '=') return Taken::not_base64;
            text[i] = 'A';
        }
        if (!base64_decode(text, waiting_ / 4, bytes)) return Taken::not_base64;
        size_t floats = waiting_ == 8 ? 1 : 2;
        base64_encode(bytes, floats * 4, canonical);
        if (std::memcmp(canonical, group_, waiting_) != 0) return Taken::not_base64;
        if (!vectors.reserve(floats)) return Taken::no_memory;
        std::memcpy(vectors.row() + vectors.have(), bytes, floats * 4);
        vectors.advance(floats);
        return Taken::yes;
    }

    // Appends everything taken so far to `text`; false when memory has run out.
    bool put_back(Vectors& vectors, Bytes& text) {
        size_t bytes = vectors.have() * 4;
        if (!text.reserve(base64_length(bytes) + waiting_)) return false;
        base64_encode(reinterpret_cast<const uint8_t*>(vectors.row()), bytes, text.data + text.size);
        text.size += base64_length(bytes);
        bool appended = text.append(group_, waiting_);
        waiting_ = 0;
        return appended;
    }

  private:
    // Decodes aside: making room first would take the row out of the matrix for characters that turn out to be behind
    // the text's end.
    static Taken put_sixteen(Vectors& vectors, const char* text) {
        uint8_t bytes[12];
        if (!base64_decode(text, 4, bytes)) return Taken::not_base64;
        if (!vectors.reserve(3)) return Taken::no_memory;
        std::memcpy(vectors.row() + vectors.have(), bytes, sizeof bytes);
        vectors.advance(3);
        return Taken::yes;
    }

    char group_[16];
    size_t waiting_ = 0;
};

}  // namespace baseten
