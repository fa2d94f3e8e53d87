// Content codings under libFuzzer: any label, any body, cut in any way.
//
// An input is a label (what Content-Encoding says), a byte 0, a byte that says how the body is cut, and the body.  The
// decoder must give the same bytes and the same verdict whether the body comes whole or in pieces, never hand on more than
// its limit between two codings, and stop when it is told to.  Zlib and brotli are taken from the system.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "decode/content_decoder.hpp"

namespace {

constexpr size_t limit = 1 << 16;

struct Outcome {
    std::string text;  // decoded
    bool done = false;
    std::string failure;
    bool too_large = false;
    bool refused = false;  // by `take`

    bool operator==(const Outcome& other) const {
        return text == other.text && done == other.done && failure == other.failure && too_large == other.too_large &&
               refused == other.refused;
    }
};

void expect(bool held, const char* what) {
    if (held) return;
    std::fprintf(stderr, "not so: %s\n", what);
    std::abort();
}

bool take(void* owner, const char* text, size_t size) {
    Outcome* outcome = static_cast<Outcome*>(owner);
    expect(!outcome->refused, "nothing is handed on after a refusal");
    size_t room = limit - outcome->text.size();
    outcome->text.append(text, std::min(size, room));
    outcome->refused = size > room;
    return !outcome->refused;
}

Outcome decoded(baseten::ContentDecoder& decoder, const std::string& label, const char* body, size_t size, size_t step) {
    Outcome outcome;
    decoder.start();
    decoder.add(label.data(), label.size());
    decoder.begin(&outcome, take, limit);
    outcome.done = true;
    for (size_t start = 0; start < size && outcome.done; start += step) {
        // A copy of its own for each piece, so that a sanitizer sees what is read outside it.
        std::string piece(body + start, std::min(step, size - start));
        outcome.done = decoder.feed(piece.data(), piece.size());
    }
    outcome.done = outcome.done && decoder.finish();
    outcome.failure = decoder.failure;
    outcome.too_large = decoder.too_large;
    expect(!decoder.out_of_memory, "memory suffices");
    expect(outcome.done == (outcome.failure.empty() && !outcome.too_large && !outcome.refused), "a failure has a reason");
    if (!decoder.any()) expect(outcome.refused || outcome.text == std::string(body, size), "nothing to undo");
    return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
    void* zlib = dlopen("libz.so.1", RTLD_NOW);
    void* brotli = dlopen("libbrotlidec.so.1", RTLD_NOW);
    expect(zlib != nullptr && baseten::zlib.bind(zlib), "zlib is there");
    if (brotli != nullptr) baseten::brotli.bind(brotli);
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static baseten::ContentDecoder decoder;  // reads body after body, as a transfer's does
    const uint8_t* end = static_cast<const uint8_t*>(size != 0 ? std::memchr(data, 0, size) : nullptr);
    if (end == nullptr || end + 1 == data + size) return 0;
    std::string label(reinterpret_cast<const char*>(data), static_cast<size_t>(end - data));
    size_t step = end[1] == 0 ? 1 : end[1];
    const char* body = reinterpret_cast<const char*>(end + 2);
    size_t length = static_cast<size_t>(data + size - (end + 2));
    Outcome whole = decoded(decoder, label, body, length, length + 1);
    Outcome cut = decoded(decoder, label, body, length, step);
    // Broken data may give some bytes more when it comes in pieces: those before the place where it breaks.
    if (whole.done || cut.done || whole.refused) expect(whole == cut, "the same, whole or in pieces");

    baseten::Bytes head, kept;
    expect(baseten::append_header_line(head, "content-length: 5\n", 18), "memory suffices");
    std::string line = "content-encoding: " + label + "\r\n";
    expect(baseten::append_header_line(head, line.data(), line.size()), "memory suffices");
    expect(baseten::remove_codings(head), "memory suffices");
    expect(head.size <= line.size() + 2 * label.size(), "headers become no longer than their blanks make them");
    return 0;
}
