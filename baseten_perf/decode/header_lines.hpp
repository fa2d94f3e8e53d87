// The header lines of a response: how they are kept, and how they are read once all have come.
#pragma once

#include "decode/bytes.hpp"
#include "decode/content_type.hpp"

namespace baseten {

inline bool is_blank(char c) { return c == ' ' || c == '\t'; }

// Adds a line to a block of proper lines, which all end in "\r\n": a bare LF becomes such an end, and a folded line (RFC
// 9112, section 5.2) becomes the rest of the line before it.  False when memory has run out.
inline bool append_header_line(Bytes& block, const char* line, size_t size) {
    bool folded = size != 0 && is_blank(*line) && block.size != 0;
    if (!folded && size >= 2 && line[size - 2] == '\r') return block.append(line, size);
    while (size != 0 && (line[size - 1] == '\n' || line[size - 1] == '\r')) --size;
    if (folded) {
        while (size != 0 && is_blank(*line)) ++line, --size;
        block.size -= 2;
        if (!block.append(" ", 1)) return false;
    }
    return block.append(line, size) && block.append("\r\n", 2);
}

// Walks through a block of proper lines, which must outlive it and stay as it is.
class HeaderLines {
  public:
    const char* line = nullptr;
    size_t line_size = 0;  // with its end
    const char* value = nullptr;  // set by a `named` that gave true, without the blanks around it
    size_t value_size = 0;

    HeaderLines() = default;
    explicit HeaderLines(const Bytes& block) { start(block); }

    void start(const Bytes& block) {
        next_ = block.data;
        last_ = block.data + block.size;
    }
    bool next() {
        if (next_ == last_) return false;
        line = next_;
        const char* end = static_cast<const char*>(std::memchr(next_, '\n', static_cast<size_t>(last_ - next_)));
        next_ = end == nullptr ? last_ : end + 1;
        line_size = static_cast<size_t>(next_ - line);
        return true;
    }
    // Whether the line has this name, which is given in lower case and with its colon.
    bool named(const char* name) {
        if (!begins_with(line, next_, name)) return false;
        const char* first = line + std::strlen(name);
        const char* end = next_;
        while (end > first && (is_blank(end[-1]) || end[-1] == '\n' || end[-1] == '\r')) --end;
        while (first < end && is_blank(*first)) ++first;
        value = first;
        value_size = static_cast<size_t>(end - first);
        return true;
    }

  private:
    const char* next_ = nullptr;
    const char* last_ = nullptr;
};

}  // namespace baseten
