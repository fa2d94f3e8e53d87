// Reads embeddings responses in MessagePack: the values of data[k].embedding that are arrays of numbers or base64 go to
// the sink's vectors, everything else to its skeleton.
//
// Outside of the path to a vector no stack is needed: of a value that only passes through it is enough to count how many
// values are still to come in it, so that nesting costs no memory.  Lengths are what the sender claims: they are counted
// down, and never a reason to allocate.
#pragma once

#include "decode/base64_text.hpp"
#include "decode/msgpack_header.hpp"
#include "decode/sink.hpp"

namespace baseten {

class MsgpackEmbeddings {
  public:
    explicit MsgpackEmbeddings(Sink& sink) : sink_(sink) {}

    void start() {
        state_ = State::header;
        place_ = Place::root;
        header_used_ = key_size_ = 0;
        left_ = passing_ = pairs_ = items_ = item_pairs_ = key_wanted_ = 0;
        data_key_ = embedding_key_ = false;
    }

    void feed(const char* p, size_t size) {
        const char* last = p + size;
        while (p < last && !sink_.failed()) {
            switch (state_) {
                case State::header: p = read_header(p, last); break;
                case State::bytes: p = read_bytes(p, last); break;
                case State::numbers: p = read_numbers(p, last); break;
                case State::base64: p = read_base64(p, last); break;
            }
        }
    }

    void finish() {
        if (sink_.failed()) return;
        if (state_ == State::numbers || state_ == State::base64) sink_.fail("the body ends inside a vector");
        // What was cut off is for whoever parses the skeleton to see.
        else sink_.keep(header_, header_used_);
    }

  private:
    enum class State { header, bytes, numbers, base64 };
    // Where the next value stands, unless it is inside one that passes through.
    enum class Place { root, root_key, root_value, item, item_key, item_value, behind };

    // Collects the bytes of a header that may be cut anywhere; true when it is complete.
    bool take_header(const char*& p, const char* last) {
        if (header_used_ == 0) header_[header_used_++] = *p++;
        size_t wanted = msgpack_header_size(header_[0]) - header_used_;
        size_t more = static_cast<size_t>(last - p) < wanted ? static_cast<size_t>(last - p) : wanted;
        std::memcpy(header_ + header_used_, p, more);
        p += more;
        header_used_ += more;
        return more == wanted;
    }

    // A value outside vectors.
    const char* read_header(const char* p, const char* last) {
        if (place_ == Place::behind) {
            sink_.keep(p, static_cast<size_t>(last - p));
            return last;
        }
        if (!take_header(p, last)) return last;
        MsgpackHeader header = read_msgpack_header(header_);
        if (passing_ == 0) {
            if (place_ == Place::item_value && embedding_key_ && header.kind != Kind::bytes) {
                begin_vector(header);
                return p;
            }
            bool entered = enter(header);
            if (!keep_header() || entered) return p;
            passing_ = 1;
        } else if (!keep_header()) {
            return p;
        }
        --passing_;
        if (header.kind == Kind::array) passing_ += header.size;
        if (header.kind == Kind::map) passing_ += 2 * header.size;
        if ((header.kind == Kind::text || header.kind == Kind::bytes) && header.size != 0) {
            left_ = header.size;
            state_ = State::bytes;
        } else if (passing_ == 0) {
            value_ended();
        }
        return p;
    }

    bool keep_header() {
        bool kept = sink_.keep(header_, header_used_);
        header_used_ = 0;
        return kept;
    }

    // The containers on the path to the vectors; false for a value that passes through.
    bool enter(const MsgpackHeader& header) {
        key_wanted_ = 0;
        if (place_ == Place::root_key || place_ == Place::item_key) {
            key_size_ = 0;
            if (header.kind == Kind::text && header.size <= sizeof key_) key_wanted_ = header.size;
            return false;
        }
        if (header.size == 0) return false;
        if (place_ == Place::root && header.kind == Kind::map) {
            pairs_ = header.size;
            place_ = Place::root_key;
        } else if (place_ == Place::root_value && data_key_ && header.kind == Kind::array) {
            items_ = header.size;
            place_ = Place::item;
        } else if (place_ == Place::item && header.kind == Kind::map) {
            item_pairs_ = header.size;
            place_ = Place::item_key;
        } else {
            return false;
        }
        return true;
    }

    void value_ended() {
        switch (place_) {
            case Place::root: place_ = Place::behind; break;
            case Place::root_key:
                data_key_ = key_size_ == 4 && std::memcmp(key_, "data", 4) == 0;
                place_ = Place::root_value;
                break;
            case Place::item_key:
                embedding_key_ = key_size_ == 9 && std::memcmp(key_, "embedding", 9) == 0;
                place_ = Place::item_value;
                break;
            case Place::item_value:
                place_ = Place::item_key;
                if (--item_pairs_ != 0) break;
                [[fallthrough]];
            case Place::item:
                place_ = Place::item;
                if (--items_ != 0) break;
                [[fallthrough]];
            case Place::root_value:
                place_ = --pairs_ == 0 ? Place::behind : Place::root_key;
                break;
            case Place::behind: break;
        }
    }

    // The bytes of a text, bin or ext value that passes through.
    const char* read_bytes(const char* p, const char* last) {
        size_t size = static_cast<size_t>(last - p) < left_ ? static_cast<size_t>(last - p) : left_;
        if (passing_ == 0 && key_size_ < key_wanted_) {
            std::memcpy(key_ + key_size_, p, size);
            key_size_ += size;
        }
        sink_.keep(p, size);
        left_ -= size;
        if (left_ == 0) {
            state_ = State::header;
            if (passing_ == 0) value_ended();
        }
        return p + size;
    }

    void begin_vector(const MsgpackHeader& header) {
        if (header.kind != Kind::array && header.kind != Kind::text)
            return sink_.fail("neither an array of numbers nor a string");
        if (!sink_.begin_vector()) return;
        left_ = header.size;
        base64_.start();
        state_ = header.kind == Kind::array ? State::numbers : State::base64;
        // A text's header is still needed when the text turns out not to be base64.
        if (header.kind == Kind::array) header_used_ = 0;
        if (left_ == 0) end_vector(header.kind == Kind::text);
    }

    void end_vector(bool base64) {
        long long placeholder;
        header_used_ = 0;
        if (!sink_.end_vector(base64, &placeholder)) return;
        char text[9] = {static_cast<char>(placeholder)};
        size_t size = 1;
        if (placeholder < -32 || placeholder > 127) {
            text[0] = static_cast<char>(0xd3);
            uint64_t bits = __builtin_bswap64(static_cast<uint64_t>(placeholder));
            std::memcpy(text + 1, &bits, sizeof bits);
            size = sizeof text;
        }
        if (!sink_.keep(text, size)) return;
        state_ = State::header;
        value_ended();
    }

    const char* read_numbers(const char* p, const char* last) {
        while (left_ != 0 && p < last) {
            if (header_used_ == 0) {
                const char* run = p;
                if (*p == float32_marker) p = read_run(p, last, 5, kernel->read_float32s);
                else if (*p == float64_marker) p = read_run(p, last, 9, kernel->read_float64s);
                if (sink_.failed()) return last;
                if (p != run) continue;
            }
            if (!take_header(p, last)) return last;
            float value;
            if (!msgpack_float32(header_, &value)) {
                sink_.fail("an element is not a number");
                return last;
            }
            header_used_ = 0;
            if (!sink_.vectors.put(value)) {
                sink_.fail_memory();
                return last;
            }
            --left_;
        }
        if (left_ == 0) end_vector(false);
        return p;
    }

    // Whole numbers of one kind that follow each other.  No more of them are made room for than have arrived.
    const char* read_run(const char* p, const char* last, size_t size, decltype(Kernel::read_float32s) read) {
        Vectors& vectors = sink_.vectors;
        size_t here = static_cast<size_t>(last - p) / size;
        size_t most = here < left_ ? here : left_;
        if (!vectors.reserve(most)) {
            sink_.fail_memory();
            return last;
        }
        size_t count = read(p, most, vectors.row() + vectors.have());
        vectors.advance(count);
        left_ -= count;
        return p + size * count;
    }

    const char* read_base64(const char* p, const char* last) {
        Vectors& vectors = sink_.vectors;
        Taken taken = Taken::yes;
        while (left_ != 0 && p < last && taken == Taken::yes) {
            if (base64_.empty() && left_ >= 16 && last - p >= 16) {
                const char* run = p;
                const char* end = static_cast<uint64_t>(last - p) > left_ ? p + left_ : last;
                taken = Base64Text::put_sixteens(vectors, p, end);
                left_ -= static_cast<uint64_t>(p - run);
            } else {
                taken = base64_.put(vectors, *p++);
                --left_;
            }
        }
        if (left_ == 0 && taken == Taken::yes) {
            taken = base64_.end(vectors);
            if (taken == Taken::yes) end_vector(true);
        }
        if (taken == Taken::no_memory) sink_.fail_memory();
        if (taken == Taken::not_base64) put_back();
        return p;
    }

    // Not base64 after all: the text passes through, from its header on.
    void put_back() {
        if (!keep_header()) return;
        if (!base64_.put_back(sink_.vectors, sink_.skeleton)) return sink_.fail_memory();
        state_ = left_ == 0 ? State::header : State::bytes;
        if (left_ == 0) value_ended();
    }

    Sink& sink_;
    Base64Text base64_;
    State state_ = State::header;
    Place place_ = Place::root;
    char header_[longest_msgpack_header];
    size_t header_used_ = 0;
    uint64_t left_ = 0;     // bytes of a text, or elements of a vector, still to come
    uint64_t passing_ = 0;  // values still to come inside one that passes through
    uint64_t pairs_ = 0;    // still to come, of the root
    uint64_t items_ = 0;    // of root["data"]
    uint64_t item_pairs_ = 0;
    char key_[9];
    size_t key_size_ = 0;
    uint64_t key_wanted_ = 0;  // bytes of the key that is being read, when it may be one that matters
    bool data_key_ = false;
    bool embedding_key_ = false;
};

}  // namespace baseten
