// The names in Content-Encoding header lines (RFC 9110, section 8.4) and what can be done about them.
#pragma once

#include "decode/header_lines.hpp"

namespace baseten {

enum class Coding { unknown, gzip, deflate, br, other_compression };

struct NamedCoding {
    const char* name;
    Coding coding;
};

// What is missing here is unknown: servers also write charsets, "none" or "aws-chunked" there, before a body that is as it
// should be.
inline constexpr NamedCoding named_codings[] = {
    {"gzip", Coding::gzip}, {"x-gzip", Coding::gzip}, {"deflate", Coding::deflate}, {"br", Coding::br},
    {"zstd", Coding::other_compression}, {"dcz", Coding::other_compression}, {"dcb", Coding::other_compression},
    {"compress", Coding::other_compression}, {"x-compress", Coding::other_compression},
    {"bzip2", Coding::other_compression}, {"x-bzip2", Coding::other_compression},
    {"xz", Coding::other_compression}, {"lzma", Coding::other_compression}, {"lz4", Coding::other_compression},
    {"snappy", Coding::other_compression}, {"pack200-gzip", Coding::other_compression},
    {"exi", Coding::other_compression}, {"aes128gcm", Coding::other_compression}};

// Walks through the names in one line's value.
class CodingNames {
  public:
    const char* name = nullptr;
    size_t size = 0;

    CodingNames(const char* value, size_t value_size) : next_(value), last_(value + value_size) {}

    bool next() {
        while (next_ < last_ && (is_blank(*next_) || *next_ == ',')) ++next_;
        name = next_;
        while (next_ < last_ && *next_ != ',') ++next_;
        const char* end = next_;
        while (end > name && is_blank(end[-1])) --end;
        size = static_cast<size_t>(end - name);
        return size != 0;
    }
    NamedCoding coding() const {
        for (auto& known : named_codings) {
            if (std::strlen(known.name) == size && begins_with(name, name + size, known.name)) return known;
        }
        return {"", Coding::unknown};
    }

  private:
    const char* next_;
    const char* last_;
};

// Takes out of a header block what describes a body whose known codings have been undone: their names, and its length.
// False when memory has run out.
inline bool remove_codings(Bytes& block) {
    Bytes rest;
    HeaderLines lines(block);
    bool complete = true;
    while (lines.next()) {
        if (lines.named("content-length:")) continue;
        if (!lines.named("content-encoding:")) {
            complete = complete && rest.append(lines.line, lines.line_size);
            continue;
        }
        bool first = true;
        for (CodingNames names(lines.value, lines.value_size); names.next();) {
            if (names.coding().coding != Coding::unknown) continue;
            const char* before = first ? "content-encoding: " : ", ";
            complete = complete && rest.append(before, std::strlen(before)) && rest.append(names.name, names.size);
            first = false;
        }
        if (!first) complete = complete && rest.append("\r\n", 2);
    }
    if (complete) block.swap(rest);
    return complete;
}

}  // namespace baseten
