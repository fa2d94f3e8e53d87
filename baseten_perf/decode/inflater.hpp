// Undoes the codings gzip (RFC 1952) and deflate (RFC 9110, section 8.4.1.2) with the zlib of a library that is loaded
// already.  Its header is not needed to build: what stands here of it is its ABI.
#pragma once

#include <dlfcn.h>

#include <cstddef>

namespace baseten {

// How reading a piece of coded data ended.
enum class Decoded { fine, stopped, broken, no_memory };  // stopped: whoever takes the decoded bytes wants no more

// Decoded bytes are handed on in pieces of this size, which lie on the stack: one for each coding of a body.
constexpr size_t decoded_piece = 16384;

struct ZStream {  // z_stream
    const unsigned char* next_in;
    unsigned avail_in;
    unsigned long total_in;
    unsigned char* next_out;
    unsigned avail_out;
    unsigned long total_out;
    const char* message;
    void* state;
    void *allocate, *release, *opaque;
    int data_type;
    unsigned long adler, reserved;
};

struct Zlib {
    int (*init)(ZStream*, int window_bits, const char* version, int stream_size);
    int (*inflate)(ZStream*, int flush);
    int (*reset)(ZStream*, int window_bits);
    int (*end)(ZStream*);

    bool bind(void* library) {
        init = reinterpret_cast<decltype(init)>(dlsym(library, "inflateInit2_"));
        inflate = reinterpret_cast<decltype(inflate)>(dlsym(library, "inflate"));
        reset = reinterpret_cast<decltype(reset)>(dlsym(library, "inflateReset2"));
        end = reinterpret_cast<decltype(end)>(dlsym(library, "inflateEnd"));
        return init && inflate && reset && end;
    }
};
inline Zlib zlib;

class Inflater {
  public:
    Inflater() = default;
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;
    ~Inflater() {
        if (stream_.state != nullptr) zlib.end(&stream_);
    }

    void start(bool gzip) {
        gzip_ = gzip;
        state_ = State::fresh;
    }

    // Hands on what `size` more bytes decode to: `take(bytes, size)` gives false to stop.
    template <class Take>
    Decoded feed(const char* text, size_t size, Take take) {
        const unsigned char* p = reinterpret_cast<const unsigned char*>(text);
        const unsigned char* last = p + size;
        Decoded result = Decoded::fine;
        while (p < last && result == Decoded::fine) {
            switch (state_) {
                case State::fresh: result = begin(*p); break;
                case State::inside: result = inflate(p, last, take); break;
                case State::between: result = next_member(p, take); break;
                case State::over: return Decoded::fine;
            }
        }
        return result;
    }

    // Whether the data may end here.  No data at all is whole, too: an empty body has no codings.
    bool whole() const { return state_ != State::inside; }

  private:
    enum class State { fresh, inside, between, over };

    static constexpr unsigned char member_[] = {0x1f, 0x8b, 8};  // what each member of gzip data begins with

    Decoded begin(unsigned char first) {
        // Deflate is meant to come in zlib's format, but some servers send it bare.  The method in zlib's first byte is 8;
        // bare, that would be a stored block whose padding is not zero.
        int bits = gzip_ ? 31 : (first & 15) == 8 ? 15 : -15;
        int code = stream_.state == nullptr ? zlib.init(&stream_, bits, "1", static_cast<int>(sizeof stream_))
                                            : zlib.reset(&stream_, bits);
        state_ = State::inside;
        return code == 0 ? Decoded::fine : Decoded::no_memory;
    }

    template <class Take>
    Decoded inflate(const unsigned char*& p, const unsigned char* last, Take& take) {
        constexpr int stream_end = 1, memory_error = -4, buffer_error = -5;
        unsigned char out[decoded_piece];
        stream_.next_in = p;
        stream_.avail_in = static_cast<unsigned>(last - p);
        for (;;) {
            stream_.next_out = out;
            stream_.avail_out = decoded_piece;
            int code = zlib.inflate(&stream_, 0);
            p = stream_.next_in;
            if (code == memory_error) return Decoded::no_memory;
            // A preset dictionary, the other positive number, is unknown here.
            if (code != 0 && code != stream_end && code != buffer_error) return Decoded::broken;
            size_t made = decoded_piece - stream_.avail_out;
            if (made != 0 && !take(reinterpret_cast<const char*>(out), made)) return Decoded::stopped;
            if (code == stream_end) {
                state_ = gzip_ ? State::between : State::over;
                matched_ = 0;
                return Decoded::fine;
            }
            if (stream_.avail_out != 0) return stream_.avail_in == 0 ? Decoded::fine : Decoded::broken;
        }
    }

    // Behind a member another one may follow; anything else there is no part of the data.
    template <class Take>
    Decoded next_member(const unsigned char*& p, Take& take) {
        if (*p != member_[matched_]) {
            state_ = State::over;
            return Decoded::fine;
        }
        ++p;
        if (++matched_ < sizeof member_) return Decoded::fine;
        Decoded result = begin(member_[0]);
        const unsigned char* first = member_;
        return result == Decoded::fine ? inflate(first, first + sizeof member_, take) : result;
    }

    ZStream stream_{};
    bool gzip_ = false;
    State state_ = State::fresh;
    size_t matched_ = 0;  // bytes of a further member's beginning
};

}  // namespace baseten
