// Where the vectors of one response are written: straight into the operation's matrix, or into memory of their own.
//
// A response starts in memory of its own, since the first vector must end before its dimension is known.  Then the
// operation is asked for its matrix (`reserve_rows`); when the dimension agrees, the vector moves there and all further
// ones are written in place.  As soon as one differs in length, everything moves back into memory of its own and stays
// there: ragged responses lose nothing.  With `detached` the matrix is not touched before `commit`: two attempts of one
// request must never write to the same rows.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace baseten {

enum class Reservation { granted, dimension_differs, no_memory };
// Gives the first of the rows that belong to this response, if the operation's matrix has (or can now get) `dimension`.
using ReserveRows = Reservation (*)(void* owner, size_t dimension, float** rows);

class Vectors {
  public:
    Vectors() = default;
    Vectors(const Vectors&) = delete;
    Vectors& operator=(const Vectors&) = delete;
    ~Vectors() { std::free(own_); std::free(ends_); }

    void start(void* owner, ReserveRows reserve_rows, bool detached) {
        owner_ = owner;
        reserve_rows_ = reserve_rows;
        detached_ = detached;
        direct_ = false;
        own_used_ = count_ = have_ = room_ = 0;
        row_ = nullptr;
    }

    // The current vector: `have` floats so far at `row`, `room` more fit there without asking.
    float* row() { return row_; }
    size_t have() const { return have_; }
    size_t room() const { return room_ - have_; }
    size_t count() const { return count_; }
    bool direct() const { return direct_; }

    void begin_vector() {
        have_ = 0;
        if (direct_) {
            room_ = dimension_;
        } else {
            row_ = own_ + own_used_;
            room_ = own_capacity_ - own_used_;
        }
    }
    // Makes place for one float more; false when memory has run out.
    bool put(float value) {
        if (have_ == room_ && !grow()) return false;
        row_[have_++] = value;
        return true;
    }
    // Makes place for `n` floats at row() + have(); add them with advance(n).
    bool reserve(size_t n) {
        while (room_ - have_ < n)
            if (!grow()) return false;
        return true;
    }
    void advance(size_t n) { have_ += n; }

    bool end_vector() {
        if (direct_) {
            if (have_ == dimension_) {
                ++count_;
                row_ += dimension_;
                return true;
            }
            if (!detach()) return false;
        }
        if (!push_end(own_used_ + have_)) return false;
        own_used_ += have_;
        ++count_;
        if (count_ == 1 && !detached_) return commit();
        return true;
    }

    // Moves vectors of equal length into the operation's matrix, if it will have them; false when memory has run out.
    bool commit() {
        if (direct_ || count_ == 0 || ends_[0] == 0) return true;
        size_t dimension = ends_[0];
        for (size_t k = 1; k < count_; ++k)
            if (ends_[k] - ends_[k - 1] != dimension) return true;
        float* rows = nullptr;
        Reservation reservation = reserve_rows_(owner_, dimension, &rows);
        if (reservation == Reservation::no_memory) return false;
        if (reservation == Reservation::granted) {
            std::memcpy(rows, own_, own_used_ * sizeof(float));
            dimension_ = dimension;
            row_ = rows + own_used_;
            own_used_ = 0;
            direct_ = true;
        }
        return true;
    }

    // Hands the vectors of a ragged response over: the caller frees both blocks.  ends[k] = floats in vectors 0..k.
    void take(float** values, size_t** ends) {
        *values = own_;
        *ends = ends_;
        own_ = nullptr;
        ends_ = nullptr;
        own_capacity_ = ends_capacity_ = own_used_ = count_ = have_ = room_ = 0;
    }

  private:
    bool grow() {
        if (direct_) return detach() && (room_ > have_ || grow());
        if (!ensure(own_capacity_ < 1024 ? 2048 : own_capacity_ * 2)) return false;
        row_ = own_ + own_used_;
        room_ = own_capacity_ - own_used_;
        return true;
    }

    bool ensure(size_t floats) {
        if (own_capacity_ >= floats) return true;
        float* grown = static_cast<float*>(std::realloc(own_, floats * sizeof(float)));
        if (grown == nullptr) return false;
        own_ = grown;
        own_capacity_ = floats;
        return true;
    }

    bool detach() {
        size_t used = count_ * dimension_;
        if (!ensure(used + have_)) return false;
        std::memcpy(own_, row_ - used, (used + have_) * sizeof(float));
        direct_ = false;
        size_t vectors = count_;
        for (count_ = 0; count_ < vectors; ++count_)
            if (!push_end((count_ + 1) * dimension_)) return false;
        own_used_ = used;
        row_ = own_ + own_used_;
        room_ = own_capacity_ - own_used_;
        return true;
    }

    bool push_end(size_t end) {
        if (count_ == ends_capacity_) {
            size_t wanted = ends_capacity_ < 16 ? 32 : ends_capacity_ * 2;
            size_t* grown = static_cast<size_t*>(std::realloc(ends_, wanted * sizeof(size_t)));
            if (grown == nullptr) return false;
            ends_ = grown;
            ends_capacity_ = wanted;
        }
        ends_[count_] = end;
        return true;
    }

    void* owner_ = nullptr;
    ReserveRows reserve_rows_ = nullptr;
    bool detached_ = false;
    bool direct_ = false;      // row_ lies in the operation's matrix
    float* row_ = nullptr;     // the current vector
    size_t have_ = 0;          // its floats so far
    size_t room_ = 0;          // floats that fit at row_
    size_t count_ = 0;         // vectors ended
    size_t dimension_ = 0;     // of the matrix, while direct_
    float* own_ = nullptr;     // memory of its own: own_used_ floats of ended vectors, the current one behind them
    size_t own_used_ = 0;
    size_t own_capacity_ = 0;
    size_t* ends_ = nullptr;   // of ended vectors in own_
    size_t ends_capacity_ = 0;
};

}  // namespace baseten
