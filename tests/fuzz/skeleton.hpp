// What a strict reader finds in a JSON skeleton where vectors belong: the integers at data[k].embedding, in order.
//
// Of a key that comes twice the last value counts, as for Python's json.
#pragma once

#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

class Skeleton {
  public:
    explicit Skeleton(const std::string& text) : p_(text.data()), last_(text.data() + text.size()) {}

    // Nothing when it is no JSON, or nested deeper than anybody looks.
    std::optional<std::vector<long long>> placeholders() {
        blanks();
        bool whole = value(0, Place::root);
        blanks();
        if (!whole || p_ != last_) return std::nullopt;
        return found_;
    }

  private:
    enum class Place { root, data, item, embedding, other };

    bool take(char c) { return p_ < last_ && *p_ == c && ++p_; }
    bool word(const char* text) {
        size_t size = std::strlen(text);
        if (static_cast<size_t>(last_ - p_) < size || std::memcmp(p_, text, size) != 0) return false;
        p_ += size;
        return true;
    }
    void blanks() { while (p_ < last_ && std::memchr(" \t\n\r", *p_, 4) != nullptr) ++p_; }
    bool digits() {
        const char* first = p_;
        while (p_ < last_ && *p_ >= '0' && *p_ <= '9') ++p_;
        return p_ > first;
    }

    bool number(Place place) {
        const char* first = p_;
        take('-');
        if (word("Infinity")) return true;
        const char* integer = p_;
        if (!digits() || (*integer == '0' && p_ - integer > 1)) return false;
        bool whole = true;
        if (take('.')) whole = false, digits_ = digits();
        if (!whole && !digits_) return false;
        if (p_ < last_ && (*p_ | 0x20) == 'e') {
            ++p_;
            if (!take('-')) take('+');
            if (!digits()) return false;
            whole = false;
        }
        if (whole && place == Place::embedding) integer_ = std::strtoll(std::string(first, p_).c_str(), nullptr, 10);
        return true;
    }

    bool string(std::string* text) {
        if (!take('"')) return false;
        while (p_ < last_ && *p_ != '"') {
            if (static_cast<unsigned char>(*p_) < 0x20) return false;
            if (*p_ != '\\') {
                *text += *p_++;
                continue;
            }
            if (++p_ == last_) return false;
            char c = *p_++;
            if (c == 'u') {
                if (last_ - p_ < 4) return false;
                char* end;
                std::string code(p_, 4);
                if (code.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos) return false;
                long letter = std::strtol(code.c_str(), &end, 16);
                *text += letter < 128 ? static_cast<char>(letter) : '?';
                p_ += 4;
            } else if (std::strchr("\"\\/bfnrt", c) == nullptr || c == 0) {
                return false;
            } else {
                *text += '?';  // none of them is a letter
            }
        }
        return take('"');
    }

    bool array(int depth, Place place) {
        if (place == Place::data) found_.clear();
        blanks();
        if (take(']')) return true;
        do {
            integer_.reset();
            if (!value(depth + 1, place == Place::data ? Place::item : Place::other)) return false;
            if (place == Place::data && integer_) found_.push_back(*integer_);
        } while (take(','));
        return take(']');
    }

    bool object(int depth, Place place) {
        std::optional<long long> integer;  // of this item
        blanks();
        if (take('}')) return true;
        do {
            std::string key;
            blanks();
            if (!string(&key)) return false;
            blanks();
            if (!take(':')) return false;
            Place inner = Place::other;
            if (place == Place::root && key == "data") inner = Place::data, found_.clear();
            if (place == Place::item && key == "embedding") inner = Place::embedding;
            integer_.reset();
            if (!value(depth + 1, inner)) return false;
            if (inner == Place::embedding) integer = integer_;
        } while (take(','));
        integer_ = integer;
        return take('}');
    }

    // Leaves in integer_ what an item has for its vector.
    bool value(int depth, Place place) {
        if (depth > 100) return false;
        blanks();
        bool right = false;
        std::string text;
        char c = p_ < last_ ? *p_ : 0;
        if (c != '{') integer_.reset();
        if (c == '[') ++p_, right = array(depth, place);
        else if (c == '{') ++p_, right = object(depth, place);
        else if (c == '"') right = string(&text);
        else if (word("true") || word("false") || word("null") || word("NaN")) right = true;
        else right = number(place);
        if (c == '[' || (c == '{' && place != Place::item)) integer_.reset();
        blanks();
        return right;
    }

    const char* p_;
    const char* last_;
    bool digits_ = false;
    std::optional<long long> integer_;
    std::vector<long long> found_;
};
