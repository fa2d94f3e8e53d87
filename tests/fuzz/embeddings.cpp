// The readers of embeddings answers, JSON and MessagePack, under libFuzzer.
//
// An input is a byte of flags, a byte that says how the body is cut, and the body.  A reader must give the same vectors
// and the same skeleton whether the body comes whole or in pieces and wherever its rows are written, write nothing outside
// of its rows, leave none of those that it counts unwritten, and let nobody else put an integer where a vector belongs.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "decode/reader.hpp"
#include "skeleton.hpp"

namespace {

constexpr size_t most = 4;          // vectors that the batch may have
constexpr size_t widest = 64;       // floats that a row of the matrix may have

void expect(bool held, const char* what) {
    if (held) return;
    std::fprintf(stderr, "not so: %s\n", what);
    std::abort();
}

// Rows for one answer, full of `before`, which the first vector's length makes as wide as they must be.
struct Matrix {
    unsigned char before;
    std::vector<float> rows;
    size_t dimension = 0;
};

baseten::Reservation reserve_rows(void* owner, size_t dimension, float** rows) {
    Matrix* matrix = static_cast<Matrix*>(owner);
    if (dimension > widest) return baseten::Reservation::dimension_differs;
    matrix->dimension = dimension;
    matrix->rows.resize(most * dimension);
    std::memset(static_cast<void*>(matrix->rows.data()), matrix->before, matrix->rows.size() * sizeof(float));
    *rows = matrix->rows.data();
    return baseten::Reservation::granted;
}

baseten::Reservation no_matrix(void*, size_t, float**) { return baseten::Reservation::dimension_differs; }

struct Outcome {
    bool failed = false;
    std::vector<std::string> vectors;  // their bytes
    std::string skeleton;

    bool operator==(const Outcome& other) const {
        return failed == other.failed && (failed || (vectors == other.vectors && skeleton == other.skeleton));
    }
};

Outcome read(baseten::EmbeddingsReader& reader, const std::string& body, size_t step, bool msgpack, Matrix* matrix, bool detached) {
    reader.start(most, matrix, matrix != nullptr ? reserve_rows : no_matrix, detached);
    reader.choose(msgpack);
    for (size_t start = 0; start < body.size(); start += step) {
        // A copy of its own for each piece, so that a sanitizer sees what is read outside it.
        size_t size = std::min(step, body.size() - start);
        std::vector<char> piece(body.data() + start, body.data() + start + size);
        reader.feed(piece.data(), size);
    }
    reader.finish();
    expect(!reader.out_of_memory, "memory suffices");
    Outcome outcome;
    outcome.failed = reader.failed();
    if (outcome.failed) return outcome;
    expect(reader.vectors.commit(), "memory suffices");
    outcome.skeleton.assign(reader.skeleton.data, reader.skeleton.size);
    size_t count = reader.vectors.count();
    expect(count <= most, "no more vectors than inputs");
    if (reader.vectors.direct()) {
        size_t size = matrix->dimension * sizeof(float);
        const char* row = reinterpret_cast<const char*>(matrix->rows.data());
        for (size_t k = 0; k < count; ++k) outcome.vectors.emplace_back(row + k * size, size);
        return outcome;
    }
    float* values;
    size_t* ends;
    reader.vectors.take(&values, &ends);
    for (size_t k = 0, start = 0; k < count; start = ends[k++])
        outcome.vectors.emplace_back(reinterpret_cast<char*>(values + start), (ends[k] - start) * sizeof(float));
    std::free(values);
    std::free(ends);
    return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static baseten::EmbeddingsReader reader;  // reads answer after answer, as a transfer's does
    if (size < 2) return 0;
    bool msgpack = (data[0] & 1) != 0, detached = (data[0] & 2) != 0;
    baseten::choose_kernel(baseten::kernels[(data[0] >> 2) % baseten::kernel_count].name);
    size_t step = data[1] == 0 ? 1 : data[1];
    std::string body(reinterpret_cast<const char*>(data + 2), size - 2);

    Outcome whole = read(reader, body, body.size() + 1, msgpack, nullptr, detached);
    expect(whole == read(reader, body, step, msgpack, nullptr, detached), "the same, whole or in pieces");
    for (unsigned char before : {0x00, 0xff}) {
        Matrix matrix{before, {}, 0};
        expect(whole == read(reader, body, step, msgpack, &matrix, detached), "the same in a matrix, whatever it held before");
    }
    if (whole.failed || msgpack) return 0;

    auto found = Skeleton(whole.skeleton).placeholders();
    if (!found) return 0;
    long long next = 0;
    for (long long number : *found) {
        long long k = number >= 0 ? number : -1 - number;
        expect(k >= next && k < static_cast<long long>(whole.vectors.size()), "an integer stands for a vector that was read");
        next = k + 1;
    }
    return 0;
}
