// The shape of items: the text around their values, which is the same in all that one serializer has written.
//
// The first item of an answer is read by the grammar, and its shape is kept.  Another one that has this shape needs no
// more than its values read: by the same functions, and with the same text around them the grammar would find the same.
// One that has not is read by the grammar, and its shape is the one to keep.
#pragma once

#include <cstddef>
#include <cstdint>

#include "decode/word.hpp"
#include "ranking/item.hpp"

namespace baseten {

// Text that is compared sixteen characters at a time.
class Literal {
  public:
    // Keeps [first, behind), if it is short enough and as many characters as are compared are there before `last`.
    bool keep(const char* first, const char* behind, const char* last) {
        size_ = behind - first;
        compared_ = size_ <= 16 ? 16 : (size_ + 15) / 16 * 16;
        if (compared_ > longest || last - first < compared_) return false;
        for (ptrdiff_t k = 0; 8 * k < compared_; ++k) {
            ptrdiff_t bytes = size_ - 8 * k;
            masks_[k] = bytes >= 8 ? ~uint64_t{0} : bytes > 0 ? ~uint64_t{0} >> (64 - 8 * bytes) : 0;
            text_[k] = word_at(first + 8 * k) & masks_[k];
        }
        return true;
    }

    // Behind this text at `p`; null when there is another one, or too little before `last` to compare.
    [[gnu::always_inline]] const char* skip(const char* p, const char* last) const {
        if (last - p < compared_) return nullptr;
        uint64_t different = different_at(p, 0);
        for (ptrdiff_t k = 2; 8 * k < compared_; k += 2) different |= different_at(p, k);
        return different == 0 ? p + size_ : nullptr;
    }

  private:
    static constexpr ptrdiff_t longest = 48;

    uint64_t different_at(const char* p, ptrdiff_t k) const {
        return ((word_at(p + 8 * k) & masks_[k]) ^ text_[k]) | ((word_at(p + 8 * k + 8) & masks_[k + 1]) ^ text_[k + 1]);
    }

    ptrdiff_t size_ = 0;
    ptrdiff_t compared_ = 0;
    uint64_t masks_[longest / 8];
    uint64_t text_[longest / 8];
};

template <typename Keys>
class ItemReader {
  public:
    // As read_item, for one item of an answer after the other; `p` may be null already.
    [[gnu::always_inline]] const char* read(const char* p, const char* last, Item* item) {
        const char* behind = known_ && p != nullptr ? read_alike(p, last, item) : nullptr;
        return behind != nullptr ? behind : read_another(p, last, item);
    }

  private:
    enum class Value { index, score, name };

    [[gnu::always_inline]] const char* read_alike(const char* p, const char* last, Item* item) const {
        *item = without_values_;
        for (int k = 0; k < count_; ++k) {
            p = before_[k].skip(p, last);
            if (p == nullptr || p == last) return nullptr;
            switch (values_[k]) {
                case Value::index: p = read_index(p, last, &item->index); break;
                case Value::score: p = read_score(p, last, &item->score); break;
                case Value::name: p = scan_string(p, last, &item->name); break;
            }
            if (p == nullptr) return nullptr;
        }
        return behind_.skip(p, last);
    }

    [[gnu::noinline]] const char* read_another(const char* p, const char* last, Item* item) {
        *item = Item();
        const char* behind = read_item<Keys>(p, last, item);
        known_ = behind != nullptr && keep(p, behind, last, *item);
        return behind;
    }

    // Keeps the shape of the item in [first, behind).  False when it is out of the ordinary.
    bool keep(const char* first, const char* behind, const char* last, const Item& item) {
        without_values_ = item;
        Place places[] = {item.index_at, item.score_at, item.name_at};  // in the order of Value
        for (count_ = 0;; ++count_) {
            int next = -1;
            for (int k = 0; k < 3; ++k)
                if (places[k].first != nullptr && (next < 0 || places[k].first < places[next].first)) next = k;
            if (next < 0) return behind_.keep(first, behind, last);
            if (!before_[count_].keep(first, places[next].first, last)) return false;
            values_[count_] = static_cast<Value>(next);
            first = places[next].last;
            places[next].first = nullptr;
        }
    }

    bool known_ = false;
    int count_ = 0;
    Value values_[3];
    Literal before_[3];  // each of the values
    Literal behind_;     // the last one
    Item without_values_;
};

}  // namespace baseten
