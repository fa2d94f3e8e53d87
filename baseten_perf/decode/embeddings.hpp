// An incremental reader of embeddings answers (OpenAI API, POST /v1/embeddings): vectors go to rows, the rest to a skeleton.
//
// Fed with the body's bytes as they arrive, in pieces of any size.  Each value of `data[k].embedding` that is an array of
// numbers, or a string of base64 float32, is written to `vectors` and replaced in the skeleton by a number: k for an
// array, -1-k for base64.  All other text is copied verbatim, and is validated by whoever parses the skeleton.  Key order
// and white space do not matter.  A string that turns out not to be base64 of whole float32s is put back verbatim.
// Nothing throws; the first failure is kept in `failure`, and the rest of the body is then swallowed, so that the
// connection can be used again.
#pragma once

#include <cstdio>

#include "base64.hpp"
#include "bytes.hpp"
#include "number.hpp"
#include "vectors.hpp"

static_assert(sizeof(float) == 4 && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "rows are little-endian float32");

namespace baseten {

class EmbeddingsReader {
  public:
    static constexpr size_t head_size = 200;

    Vectors vectors;
    Bytes skeleton;
    char head[head_size];  // how the body began, for error messages
    size_t head_used = 0;
    char failure[160] = "";
    bool out_of_memory = false;

    void start(size_t most, void* owner, ClaimRows claim, bool apart) {
        vectors.start(owner, claim, apart);
        skeleton.size = 0;
        head_used = 0;
        failure[0] = 0;
        out_of_memory = false;
        most_ = most;
        state_ = State::text;
        depth_ = 0;
        data_depth_ = in_string_ = escaped_ = key_expected_ = false;
        embedding_key_ = data_key_ = false;
        key_size_ = carry_size_ = 0;
    }

    void feed(const char* p, size_t size) {
        const char* last = p + size;
        if (head_used < head_size) {
            size_t more = size < head_size - head_used ? size : head_size - head_used;
            std::memcpy(head + head_used, p, more);
            head_used += more;
        }
        while (p < last && state_ != State::failed) {
            switch (state_) {
                case State::text: p = read_text(p, last); break;
                case State::string_value: p = read_base64(p, last); break;
                default: p = read_array(p, last); break;
            }
        }
    }

    void finish() {
        if (state_ != State::text && state_ != State::failed) fail("the body ends inside a vector");
    }

  private:
    enum class State { text, array_start, array_value, array_comma, string_value, failed };

    void fail(const char* why) {
        if (why == nullptr) {
            out_of_memory = true;
            why = "out of memory";
        }
        std::snprintf(failure, sizeof failure, "vector %zu: %s", vectors.count(), why);
        state_ = State::failed;
    }

    bool keep(const char* first, const char* last) {
        if (skeleton.append(first, static_cast<size_t>(last - first))) return true;
        fail(nullptr);
        return false;
    }

    // Everything outside vectors.  Knows strings, keys and depth, just enough to find data[k].embedding.
    const char* read_text(const char* p, const char* last) {
        const char* kept = p;
        for (; p < last; ++p) {
            char c = *p;
            if (in_string_) {
                if (escaped_) escaped_ = false;
                else if (c == '\\') escaped_ = true, key_size_ = sizeof key_;
                else if (c == '"') {
                    in_string_ = false;
                    if (key_expected_) {
                        data_key_ = depth_ == 1 && key_size_ == 4 && std::memcmp(key_, "data", 4) == 0;
                        embedding_key_ = depth_ == 3 && key_size_ == 9 && std::memcmp(key_, "embedding", 9) == 0;
                    }
                } else if (key_expected_ && key_size_ < sizeof key_) {
                    key_[key_size_++] = c;
                }
                continue;
            }
            switch (c) {
                case '"':
                    if (embedding_key_ && !key_expected_) {
                        if (keep(kept, p)) begin_vector(State::string_value);
                        return p + 1;
                    }
                    in_string_ = true;
                    key_size_ = 0;
                    break;
                case '[':
                    if (embedding_key_ && !key_expected_) {
                        if (keep(kept, p)) begin_vector(State::array_start);
                        return p + 1;
                    }
                    if (depth_ == 1 && data_key_ && !key_expected_) data_depth_ = true;
                    ++depth_;
                    key_expected_ = false;
                    break;
                case '{':
                    // Keys matter in the root object and in the objects of the data array.
                    key_expected_ = depth_ == 0 || (depth_ == 2 && data_depth_);
                    embedding_key_ = false;
                    ++depth_;
                    break;
                case ']':
                case '}':
                    if (depth_ > 0) --depth_;
                    if (depth_ <= 1) data_depth_ = data_key_ = false;
                    embedding_key_ = false;
                    key_expected_ = false;
                    break;
                case ':': key_expected_ = false; break;
                case ',':
                    key_expected_ = depth_ == 1 || (depth_ == 3 && data_depth_);
                    if (depth_ == 1) data_key_ = false;
                    if (depth_ == 3) embedding_key_ = false;
                    break;
                case ' ': case '\t': case '\n': case '\r': break;
                default:
                    if (embedding_key_ && !key_expected_ && depth_ == 3) {
                        fail("neither an array of numbers nor a string");
                        return last;
                    }
            }
        }
        keep(kept, last);
        return last;
    }

    void begin_vector(State state) {
        if (vectors.count() == most_) return fail("more vectors than inputs");
        vectors.begin_vector();
        embedding_key_ = false;
        carry_size_ = 0;
        state_ = state;
    }

    void end_vector(bool base64) {
        long long number = static_cast<long long>(vectors.count());
        char text[24];
        int length = std::snprintf(text, sizeof text, "%lld", base64 ? -1 - number : number);
        if (!vectors.end_vector() || !skeleton.append(text, static_cast<size_t>(length))) return fail(nullptr);
        state_ = State::text;
    }

    // A number cut by the end of a piece waits in carry_ until the rest of it has come.
    const char* read_array(const char* p, const char* last) {
        if (carry_size_ != 0) {
            p = complete_carry(p, last);
            if (state_ == State::failed || carry_size_ != 0) return last;
        }
        for (; p < last; ++p) {
            char c = *p;
            if (c == ' ' || c == '\n' || c == '\t' || c == '\r') continue;
            if (state_ == State::array_comma) {
                if (c == ',') {
                    state_ = State::array_value;
                    if (++p == last) return last;
                    c = *p;
                    if (c == ' ' || c == '\n' || c == '\t' || c == '\r') continue;
                } else if (c == ']') {
                    end_vector(false);
                    return p + 1;
                } else {
                    fail("a comma is missing between numbers");
                    return last;
                }
            } else if (c == ']' && state_ == State::array_start) {
                end_vector(false);
                return p + 1;
            }
            Number number = read_number(p, last);
            if (number.state == NumberState::more) {
                carry(p, last);
                return last;
            }
            if (!accept(number)) return last;
            p = number.end - 1;
        }
        return last;
    }

    bool accept(const Number& number) {
        if (number.state == NumberState::complete) {
            state_ = State::array_comma;
            if (vectors.put(number.value)) return true;
            fail(nullptr);
        } else if (number.state == NumberState::too_large) {
            fail("a number is out of range");
        } else {
            fail("an element is not a number");
        }
        return false;
    }

    void carry(const char* first, const char* last) {
        size_t size = static_cast<size_t>(last - first);
        if (size > sizeof carry_ - carry_size_) return fail("a number is longer than 1000 characters");
        std::memcpy(carry_ + carry_size_, first, size);
        carry_size_ += size;
    }

    const char* complete_carry(const char* p, const char* last) {
        const char* end = p;
        while (end < last && (is_digit(*end) || *end == '.' || *end == '-' || *end == '+' || (*end | 0x20) == 'e')) ++end;
        carry(p, end);
        if (state_ == State::failed || end == last) return last;
        Number number = read_number(carry_, carry_ + carry_size_, true);
        bool whole = number.state != NumberState::complete || number.end == carry_ + carry_size_;
        carry_size_ = 0;
        if (!whole) fail("an element is not a number");
        else accept(number);
        return end;
    }

    // Sixteen characters make three floats; fewer wait in carry_.
    const char* read_base64(const char* p, const char* last) {
        while (p < last) {
            if (carry_size_ == 0 && !escaped_) {
                while (last - p >= 16 && put_sixteen(p)) p += 16;
                if (p == last || state_ == State::failed) return last;
            }
            if (escaped_) {
                // Some writers escape the slash, which JSON allows; base64 needs no other escape.
                if (*p != '/') {
                    carry_[carry_size_++] = '\\';
                    put_back(true);
                    return p;
                }
                escaped_ = false;
            } else if (*p == '\\') {
                escaped_ = true;
                ++p;
                continue;
            } else if (*p == '"') {
                if (!end_base64()) put_back(false);
                return p + 1;
            }
            carry_[carry_size_++] = *p++;
            if (carry_size_ == 16) {
                if (!put_sixteen(carry_)) {
                    if (state_ != State::failed) put_back(true);
                    return p;
                }
                carry_size_ = 0;
            }
        }
        return last;
    }

    // False when the characters are not base64, or when memory has run out.  Decodes aside: making room first would
    // take the row out of the matrix for characters that turn out to be the string's end.
    bool put_sixteen(const char* text) {
        uint8_t bytes[12];
        if (!base64_decode(text, 4, bytes)) return false;
        if (!vectors.reserve(3)) return fail(nullptr), false;
        std::memcpy(vectors.row() + vectors.have(), bytes, sizeof bytes);
        vectors.advance(3);
        return true;
    }

    // The last characters of a base64 string: 0, 8 ("......==") or 12 ("............" "=") make whole float32s.
    bool end_base64() {
        if (carry_size_ == 0) return end_vector(true), true;
        size_t padding = carry_size_ == 8 ? 2 : 1;
        if (carry_size_ != 8 && carry_size_ != 12) return false;
        char text[12];
        uint8_t bytes[9];
        char canonical[12];
        std::memcpy(text, carry_, carry_size_);
        for (size_t i = carry_size_ - padding; i < carry_size_; ++i) {
            if (text[i] != '=') return false;
            text[i] = 'A';
        }
        if (!base64_decode(text, carry_size_ / 4, bytes)) return false;
        size_t floats = carry_size_ == 8 ? 1 : 2;
        base64_encode(bytes, floats * 4, canonical);
        if (std::memcmp(canonical, carry_, carry_size_) != 0) return false;
        if (!vectors.reserve(floats)) return fail(nullptr), true;
        std::memcpy(vectors.row() + vectors.have(), bytes, floats * 4);
        vectors.advance(floats);
        end_vector(true);
        return true;
    }

    // Not base64 after all: the string goes to the skeleton, the part decoded so far encoded again, which is lossless.
    void put_back(bool open) {
        size_t bytes = vectors.have() * 4;
        if (!skeleton.reserve(base64_length(bytes) + carry_size_ + 2)) return fail(nullptr);
        skeleton.append("\"", 1);
        base64_encode(reinterpret_cast<const uint8_t*>(vectors.row()), bytes, skeleton.data + skeleton.size);
        skeleton.size += base64_length(bytes);
        skeleton.append(carry_, carry_size_);
        state_ = State::text;
        if (!open) {
            skeleton.append("\"", 1);
            carry_size_ = 0;
            return;
        }
        in_string_ = true;
        escaped_ = false;
        for (size_t i = 0; i < carry_size_; ++i) escaped_ = carry_[i] == '\\' && !escaped_;
        carry_size_ = 0;
    }

    State state_ = State::text;
    size_t most_ = 0;           // vectors that the batch may have
    size_t depth_ = 0;          // open objects and arrays
    bool data_depth_ = false;   // the array at depth 2 is root["data"]
    bool in_string_ = false;
    bool escaped_ = false;
    bool key_expected_ = false; // the next string is a key of the root or of a data item
    bool data_key_ = false;     // the last key of the root is "data"
    bool embedding_key_ = false;
    char key_[16];
    size_t key_size_ = 0;
    char carry_[1000];
    size_t carry_size_ = 0;
};

}  // namespace baseten
