// Undoes the content codings of a response's body while it arrives, in pieces of any size: the last one named first.
//
// One decoder reads body after body.  Nothing is kept of what has been decoded; zlib's state is kept for the next body.
#pragma once

#include <cstdio>

#include "decode/content_coding.hpp"
#include "decode/inflater.hpp"
#include "decode/unbrotli.hpp"

namespace baseten {

class ContentDecoder {
  public:
    // Takes decoded bytes; false for no more.
    using Take = bool (*)(void* owner, const char* text, size_t size);

    static constexpr int most_codings = 4;

    char failure[96];  // why the body cannot be decoded; empty as long as it can
    bool out_of_memory;
    bool too_large;  // what one coding gave to the next exceeds the limit

    void start() {
        failure[0] = 0;
        out_of_memory = too_large = false;
        count_ = 0;
        beyond_ = nullptr;
    }
    // What one Content-Encoding line says; each further line adds to it.
    void add(const char* value, size_t size) {
        for (CodingNames names(value, size); names.next();) {
            NamedCoding named = names.coding();
            if (named.coding == Coding::unknown) continue;
            bool known = named.coding != Coding::other_compression && (named.coding != Coding::br || brotli.create);
            if (!known || count_ == most_codings) beyond_ = named.name;
            else codings_[count_++] = named;
        }
    }
    // Whether there is anything to undo.
    bool any() const { return count_ != 0 || beyond_ != nullptr; }

    // Decoded bytes go to `take`; no coding but the last to be undone may give more than `most` bytes.
    void begin(void* owner, Take take, size_t most) {
        owner_ = owner;
        take_ = take;
        for (int k = 0; k < count_; ++k) {
            room_[k] = most;
            if (codings_[k].coding == Coding::br) unbrotlis_[k].start();
            else inflaters_[k].start(codings_[k].coding == Coding::gzip);
        }
    }
    // False when the body cannot be decoded, or nobody wants more of it.
    bool feed(const char* text, size_t size) {
        if (beyond_ != nullptr && size != 0) {
            std::snprintf(failure, sizeof failure, "this client does not decode content-encoding %s", beyond_);
            return false;
        }
        return undo(count_ - 1, text, size);
    }
    // Call once all has been fed: false when the data ends before its end.
    bool finish() {
        for (int k = count_ - 1; k >= 0; --k) {
            bool whole = codings_[k].coding == Coding::br ? unbrotlis_[k].whole() : inflaters_[k].whole();
            if (whole) continue;
            std::snprintf(failure, sizeof failure, "the body's %s data ends too early", codings_[k].name);
            return false;
        }
        return true;
    }

  private:
    // Undoes coding `k`, then those before it.
    bool undo(int k, const char* text, size_t size) {
        if (k < 0) return take_(owner_, text, size);
        auto next = [this, k](const char* decoded, size_t made) {
            if (k > 0) {
                too_large = made > room_[k];
                if (too_large) return false;
                room_[k] -= made;
            }
            return undo(k - 1, decoded, made);
        };
        Decoded result = codings_[k].coding == Coding::br ? unbrotlis_[k].feed(text, size, next)
                                                          : inflaters_[k].feed(text, size, next);
        if (result == Decoded::no_memory) out_of_memory = true;
        if (result == Decoded::broken) {
            std::snprintf(failure, sizeof failure, "the body's %s data is broken", codings_[k].name);
        }
        return result == Decoded::fine;
    }

    NamedCoding codings_[most_codings];  // in the order in which they were applied
    size_t room_[most_codings];
    int count_ = 0;
    const char* beyond_ = nullptr;  // a coding that cannot be undone, or one too many
    void* owner_ = nullptr;
    Take take_ = nullptr;
    Inflater inflaters_[most_codings];
    Unbrotli unbrotlis_[most_codings];
};

}  // namespace baseten
