// Reads embeddings responses in JSON: the values of data[k].embedding that are arrays of numbers or base64 go to the
// sink's vectors, everything else to its skeleton.
//
// Key order and white space do not matter.  A string that turns out not to be base64 of whole float32s is put back verbatim.
#pragma once

#include <charconv>

#include "decode/base64_text.hpp"
#include "decode/numbers.hpp"
#include "decode/sink.hpp"
#include "decode/string.hpp"

namespace baseten {

class JsonEmbeddings {
  public:
    explicit JsonEmbeddings(Sink& sink) : sink_(sink) {}

    void start() {
        state_ = State::text;
        depth_ = 0;
        data_depth_ = in_string_ = escaped_ = key_expected_ = false;
        embedding_key_ = data_key_ = false;
        key_size_ = carry_size_ = 0;
    }

    void feed(const char* p, size_t size) {
        const char* last = p + size;
        piece_ = p;
        while (p < last && !sink_.failed()) {
            switch (state_) {
                case State::text: p = read_text(p, last); break;
                case State::string_value: p = read_base64(p, last); break;
                default: p = read_array(p, last); break;
            }
        }
    }

    void finish() {
        if (state_ != State::text && !sink_.failed()) sink_.fail("the body ends inside a vector");
    }

  private:
    enum class State { text, array_start, array_value, array_comma, string_value };

    bool keep(const char* first, const char* last) { return sink_.keep(first, static_cast<size_t>(last - first)); }

    // Everything outside vectors.  Knows strings, keys and depth, just enough to find data[k].embedding.
    const char* read_text(const char* p, const char* last) {
        const char* kept = p;
        for (; p < last; ++p) {
            if (in_string_ && (p = read_string(p, last)) == last) break;
            char c = *p;
            switch (c) {
                case '"':
                    if (embedding_key_ && !key_expected_) {
                        if (keep(kept, p)) begin_vector(State::string_value);
                        return p + 1;
                    }
                    open_string(false);
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
                default:
                    if (embedding_key_ && !key_expected_ && depth_ == 3 && !is_white(c)) {
                        sink_.fail("neither an array of numbers nor a string");
                        return last;
                    }
            }
        }
        keep(kept, last);
        return last;
    }

    void open_string(bool in_escape) {
        in_string_ = true;
        string_.start(in_escape);
    }

    // On in a string; gives what is behind it, or `last`.
    const char* read_string(const char* p, const char* last) {
        const char* behind = string_.scan(p, last);
        in_string_ = behind == nullptr;
        if (key_expected_) {
            add_to_key(p, static_cast<size_t>((in_string_ ? last : behind - 1) - p));
            if (!in_string_) {
                data_key_ = depth_ == 1 && key_is("data");
                embedding_key_ = depth_ == 3 && key_is("embedding");
            }
        }
        return in_string_ ? last : behind;
    }

    // Keys are collected as they are written.  One that fills the place is longer than the names that matter.
    void add_to_key(const char* text, size_t size) {
        if (size > sizeof key_ - key_size_) {
            key_size_ = sizeof key_;
        } else {
            std::memcpy(key_ + key_size_, text, size);
            key_size_ += size;
        }
    }

    // Whether the key stands for `name`, of letters only: each is written as itself or as \uXXXX.  No value of such a
    // key may be left to whoever parses the skeleton, where an integer would be taken for a vector.
    bool key_is(const char* name) const {
        const char* p = key_;
        const char* last = key_ + key_size_;
        for (; *name != 0 && p < last; ++name, ++p) {
            if (*p == '\\') {
                if (last - p < 6 || p[1] != 'u' || hexadecimal(p + 2, last) != static_cast<unsigned char>(*name)) return false;
                p += 5;
            } else if (*p != *name) {
                return false;
            }
        }
        return *name == 0 && p == last;
    }

    void begin_vector(State state) {
        if (!sink_.begin_vector()) return;
        embedding_key_ = escaped_ = false;
        carry_size_ = 0;
        base64_.start();
        state_ = state;
    }

    void end_vector(bool base64) {
        long long placeholder;
        char text[24];
        if (!sink_.end_vector(base64, &placeholder)) return;
        if (keep(text, std::to_chars(text, text + sizeof text, placeholder).ptr)) state_ = State::text;
    }

    // A number cut by the end of a piece waits in carry_ until the rest of it has come.
    const char* read_array(const char* p, const char* last) {
        if (carry_size_ != 0) {
            p = complete_carry(p, last);
            if (sink_.failed() || carry_size_ != 0) return last;
        }
        while (p < last && state_ != State::text) {
            if (state_ == State::array_value) {
                Vectors& vectors = sink_.vectors;
                vectors.advance(read_numbers(piece_, p, last, vectors.row() + vectors.have(), vectors.room()));
            }
            p = read_elements(p, last);
            if (sink_.failed()) return last;
        }
        return p;
    }

    // A few elements in whatever form, with the white space, commas and brackets among them.
    const char* read_elements(const char* p, const char* last) {
        size_t numbers = 4;
        for (; p < last; ++p) {
            char c = *p;
            if (is_white(c)) continue;
            if (state_ == State::array_comma) {
                if (c == ',') {
                    state_ = State::array_value;
                    if (numbers == 0) return p + 1;
                    continue;
                }
                if (c == ']') {
                    end_vector(false);
                    return p + 1;
                }
                sink_.fail("a comma is missing between numbers");
                return last;
            }
            if (state_ == State::array_start) {
                if (c == ']') {
                    end_vector(false);
                    return p + 1;
                }
                state_ = State::array_value;
                return p;
            }
            Number number = read_number(p, last, false);
            if (number.state == NumberState::more) {
                carry(p, last);
                return last;
            }
            if (!accept(sink_.vectors, number)) return last;
            p = number.end - 1;
            if (numbers != 0) --numbers;
        }
        return last;
    }

    bool accept(Vectors& vectors, const Number& number) {
        if (number.state == NumberState::complete) {
            state_ = State::array_comma;
            if (vectors.put(number.value)) return true;
            sink_.fail_memory();
        } else if (number.state == NumberState::too_large) {
            sink_.fail("a number is out of range");
        } else {
            sink_.fail("an element is not a number");
        }
        return false;
    }

    void carry(const char* first, const char* last) {
        size_t size = static_cast<size_t>(last - first);
        if (size > sizeof carry_ - carry_size_) return sink_.fail("a number is longer than 1000 characters");
        std::memcpy(carry_ + carry_size_, first, size);
        carry_size_ += size;
    }

    const char* complete_carry(const char* p, const char* last) {
        const char* end = p;
        while (end < last && is_of_number(*end)) ++end;
        carry(p, end);
        if (sink_.failed() || end == last) return last;
        Number number = read_number(carry_, carry_ + carry_size_, true);
        bool whole = number.state != NumberState::complete || number.end == carry_ + carry_size_;
        carry_size_ = 0;
        if (!whole) sink_.fail("a comma is missing between numbers");
        else accept(sink_.vectors, number);
        return end;
    }

    const char* read_base64(const char* p, const char* last) {
        while (p < last && state_ == State::string_value && !sink_.failed()) {
            Taken taken = Taken::not_base64;
            if (base64_.empty() && !escaped_) taken = Base64Text::put_sixteens(sink_.vectors, p, last);
            if (p == last) break;
            // The string may well end among the sixteen that are not base64.
            if (taken != Taken::no_memory) taken = read_character(p);
            if (taken == Taken::no_memory) return sink_.fail_memory(), last;
            if (taken == Taken::not_base64) put_back();
        }
        return p;
    }

    Taken read_character(const char*& p) {
        if (escaped_) {
            // Some writers escape the slash, which JSON allows; base64 needs no other escape.
            if (*p != '/') return Taken::not_base64;
            escaped_ = false;
        } else if (*p == '\\') {
            escaped_ = true;
            ++p;
            return Taken::yes;
        } else if (*p == '"') {
            Taken taken = base64_.end(sink_.vectors);
            if (taken != Taken::yes) return taken;
            ++p;
            end_vector(true);
            return Taken::yes;
        }
        return base64_.put(sink_.vectors, *p++);
    }

    // Not base64 after all: the text read so far goes to the skeleton, in a string that is still open.
    void put_back() {
        if (!sink_.keep("\"", 1)) return;
        if (!base64_.put_back(sink_.vectors, sink_.skeleton)) return sink_.fail_memory();
        if (escaped_ && !sink_.keep("\\", 1)) return;
        open_string(escaped_);
        state_ = State::text;
    }

    Sink& sink_;
    Base64Text base64_;
    State state_ = State::text;
    const char* piece_ = nullptr;  // the beginning of what can be read
    size_t depth_ = 0;          // open objects and arrays
    bool data_depth_ = false;   // the array at depth 2 is root["data"]
    bool in_string_ = false;
    StringScanner string_;      // while in_string_
    bool escaped_ = false;      // in base64, the last character was a backslash
    bool key_expected_ = false; // the next string is a key of the root or of a data item
    bool data_key_ = false;     // the last key of the root is "data"
    bool embedding_key_ = false;
    char key_[9 * 6 + 1];       // more than "embedding" with all its letters escaped
    size_t key_size_ = 0;
    char carry_[1000];          // the beginning of a number
    size_t carry_size_ = 0;
};

}  // namespace baseten
