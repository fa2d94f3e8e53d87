// The rate-limit headers of a response: how many requests and tokens a server still takes, and when it takes all again.
//
// x-ratelimit-limit-requests, -remaining-tokens, ...  OpenAI and many others; "6m0s", seconds, or -1 for unknown (Azure)
// x-ratelimit-limit-req-minute, -tokens-month, ...    Mistral, without a reset; Cerebras, with one
// ratelimitbysize-limit, ...                          Mistral's of old, of tokens
// anthropic-ratelimit-requests-limit, ...             Anthropic; resets are instants of RFC 3339
// ratelimit: "default";r=50;t=30                      draft-ietf-httpapi-ratelimit-headers-10, with
// ratelimit-policy: "default";q=100;w=60              its policies
// ratelimit-limit, -remaining, -reset                 its older forms, and ratelimit: limit=100, remaining=50, reset=5
#pragma once

#include <cstdint>

#include "decode/content_type.hpp"

namespace baseten {

struct Quota {
    double limit;  // -1 for unknown, as with the others
    double remaining;
    double reset;  // seconds
    bool known() const { return limit > 0 && remaining >= 0 && remaining <= limit && reset >= 0; }
};

// Most header lines are none, which their first letters tell.
inline bool may_be_rate_limit(const char* line, size_t size) {
    if (size < 12) return false;
    char first = static_cast<char>(line[0] | 0x20), second = static_cast<char>(line[1] | 0x20);
    if (first == 'x') return (line[2] | 0x20) == 'r' && (line[3] | 0x20) == 'a';
    return (first == 'r' && second == 'a') || (first == 'a' && second == 'n');
}

class RateLimits {
  public:
    Quota requests;  // the tightest of each, set by finish
    Quota tokens;

    void start(double unix_now) {
        now_ = unix_now;
        count_ = 0;
        requests = tokens = unknown;
    }
    // `line` is one header line, with or without its line end.  What it does not understand, it ignores.
    void read(const char* line, size_t size) {
        next_ = line;
        last_ = line + size;
        if (took("x-ratelimit-")) {
            What what = take_what();
            if (what != What::none && took("-")) take_value(what, take_unit());
        } else if (took("anthropic-ratelimit-")) {
            Key key = take_unit_of_anthropic();
            if (key.unit != Unit::none) take_value(take_what(), key);
        } else if (took("x-ratelimitbysize-") || took("ratelimitbysize-")) {
            What what = take_what();
            Key key{Unit::tokens, 1, 0};
            take_window(key);
            take_value(what, key);
        } else if (took("ratelimit-policy:")) {
            take_list();
        } else if (took("ratelimit:")) {
            take_list();
        } else if (took("ratelimit-")) {
            take_value(take_what(), Key{Unit::requests, 2, 0});
        }
    }
    void finish() {
        for (int i = 0; i < count_; ++i) {
            Slot& slot = slots_[i];
            Quota& quota = slot.quota;
            // Without a reset it refills as its window says.
            if (quota.reset < 0 && slot.key.window > 0 && quota.limit > 0)
                quota.reset = slot.key.window * (quota.limit - quota.remaining) / quota.limit;
            Quota& tightest = slot.key.unit == Unit::tokens ? tokens : requests;
            if (!slot.foreign && quota.known() && (!tightest.known() || quota.remaining < tightest.remaining)) tightest = quota;
        }
    }

  private:
    enum class What { none, limit, remaining, reset };
    enum class Unit { none, requests, tokens };
    // Which quota a line is about: those with different names or windows are different.
    struct Key {
        Unit unit;
        uint64_t name;
        double window;  // seconds; 0 when it is not told
    };
    struct Slot {
        Key key;
        Quota quota;
        bool foreign;  // counts something else
    };
    static constexpr Quota unknown{-1, -1, -1};
    static constexpr int most = 12;
    static constexpr double longest = 32 * 86400.0;

    // Nothing is set before `start`: it costs nothing where there are no such headers.
    Slot slots_[most];
    int count_;
    double now_;
    const char* next_;
    const char* last_;

    bool took(const char* word) {
        if (!begins_with(next_, last_, word)) return false;
        while (*word != 0) ++word, ++next_;
        return true;
    }
    bool at_end() {
        skip_blanks();
        return next_ == last_ || *next_ == '\r' || *next_ == '\n' || *next_ == ',' || *next_ == ';';
    }
    void skip_blanks() {
        while (next_ < last_ && (*next_ == ' ' || *next_ == '\t')) ++next_;
    }
    static bool is_digit(char c) { return c >= '0' && c <= '9'; }

    // The quota of a key; nullptr when there are too many.
    Slot* slot(const Key& key) {
        for (int i = 0; i < count_; ++i) {
            Key& other = slots_[i].key;
            if (other.unit == key.unit && other.name == key.name && (key.name >= 2 || other.window == key.window))
                return &slots_[i];
        }
        if (count_ == most) return nullptr;
        slots_[count_] = Slot{key, unknown, false};
        return &slots_[count_++];
    }
    What take_what() {
        if (took("limit")) return What::limit;
        if (took("remaining")) return What::remaining;
        return took("reset") ? What::reset : What::none;
    }
    // "requests", "req-minute", "tokens-10-second", "requests-per-day"
    Key take_unit() {
        Key key{Unit::none, 0, 0};
        if (took("requests") || took("req")) key.unit = Unit::requests;
        else if (took("tokens")) key.unit = Unit::tokens;
        take_window(key);
        return key;
    }
    Key take_unit_of_anthropic() {
        if (took("requests-")) return Key{Unit::requests, 0, 0};
        if (took("tokens-")) return Key{Unit::tokens, 0, 0};
        if (took("input-tokens-")) return Key{Unit::tokens, 1, 0};
        return Key{Unit::none, 0, 0};
    }
    void take_window(Key& key) {
        if (!took("-")) return;
        took("per-");
        double times = 1;
        if (next_ < last_ && is_digit(*next_) && (!take_number(times) || !took("-"))) times = 0;
        if (took("second")) key.window = times;
        else if (took("minute")) key.window = times * 60;
        else if (took("hour")) key.window = times * 3600;
        else if (took("day")) key.window = times * 86400;
        else if (took("month")) key.window = times * 30 * 86400;
    }
    // What follows the name and its colon; anything else than a number, a duration or an instant is ignored.
    void take_value(What what, const Key& key) {
        if (what == What::none || key.unit == Unit::none || !took(":")) return;
        skip_blanks();
        double number = -1;
        if (!(what == What::reset ? take_time(number) : take_number(number)) || !at_end()) return;
        put(what, key, number);
    }
    void put(What what, const Key& key, double number) {
        Slot* found = slot(key);
        if (found == nullptr) return;
        if (what == What::limit) found->quota.limit = number;
        else if (what == What::remaining) found->quota.remaining = number;
        else if (number <= longest) found->quota.reset = number;
    }
    bool take_number(double& number) {
        const char* first = next_;
        number = 0;
        for (; next_ < last_ && is_digit(*next_); ++next_) number = number * 10 + (*next_ - '0');
        if (next_ == first || next_ - first > 18) return false;
        if (next_ < last_ && *next_ == '.') {
            double place = 1;
            for (++next_; next_ < last_ && is_digit(*next_); ++next_) number += (place /= 10) * (*next_ - '0');
        }
        return true;
    }
    // "1.5", "6m0s", "12ms", "2024-05-01T12:00:00Z", or seconds since 1970: from now on.
    bool take_time(double& seconds) {
        if (last_ - next_ >= 20 && next_[4] == '-' && next_[10] == 'T') return take_instant(seconds);
        double number = 0;
        seconds = 0;
        if (!take_number(number)) return false;
        if (at_end()) {
            seconds = number < 1e9 ? number : number - now_;
            if (seconds < 0) seconds = 0;
            return true;
        }
        do {
            if (took("ms")) seconds += number * 1e-3;
            else if (took("us") || took("\xc2\xb5s") || took("\xce\xbcs")) seconds += number * 1e-6;
            else if (took("ns")) seconds += number * 1e-9;
            else if (took("h")) seconds += number * 3600;
            else if (took("m")) seconds += number * 60;
            else if (took("s")) seconds += number;
            else return false;
        } while (next_ < last_ && is_digit(*next_) && take_number(number));
        return true;
    }
    bool take_field(int digits, char after, int& value) {
        value = 0;
        for (; digits > 0; --digits, ++next_) {
            if (next_ == last_ || !is_digit(*next_)) return false;
            value = value * 10 + (*next_ - '0');
        }
        if (after == 0) return true;
        return next_ < last_ && *next_++ == after;
    }
    bool take_instant(double& seconds) {
        int year, month, day, hour, minute, second, sign = 0, hours = 0, minutes = 0;
        if (!take_field(4, '-', year) || !take_field(2, '-', month) || !take_field(2, 'T', day)) return false;
        if (!take_field(2, ':', hour) || !take_field(2, ':', minute) || !take_field(2, 0, second)) return false;
        if (month < 1 || month > 12) return false;
        double fraction = 0, place = 1;
        if (next_ < last_ && *next_ == '.')
            for (++next_; next_ < last_ && is_digit(*next_); ++next_) fraction += (place /= 10) * (*next_ - '0');
        if (next_ == last_) return false;
        char zone = *next_++;
        if (zone == '+' || zone == '-') {
            sign = zone == '+' ? 1 : -1;
            if (!take_field(2, ':', hours) || !take_field(2, 0, minutes)) return false;
        } else if (zone != 'Z' && zone != 'z') {
            return false;
        }
        // H. Hinnant's days_from_civil: years begin in March.
        int64_t y = year - (month <= 2 ? 1 : 0);
        int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
        int64_t days = y * 365 + y / 4 - y / 100 + y / 400 + of_year - 719468;
        double unix_time = static_cast<double>(days) * 86400 + hour * 3600 + minute * 60 + second + fraction;
        seconds = unix_time - sign * (hours * 3600 + minutes * 60) - now_;
        if (seconds < 0) seconds = 0;
        return true;
    }
    // "default";r=50;t=30, "other";q=100;w=60;qu="requests", or limit=100, remaining=50, reset=5
    void take_list() {
        Key key{Unit::requests, 2, 0};
        while (next_ < last_) {
            skip_blanks();
            if (next_ < last_ && *next_ == '"') {
                // A policy's name: FNV-1a tells them apart.
                key = Key{Unit::requests, 14695981039346656037ULL, 0};
                for (++next_; next_ < last_ && *next_ != '"'; ++next_)
                    key.name = (key.name ^ static_cast<unsigned char>(*next_)) * 1099511628211ULL;
                if (next_ < last_) ++next_;
            }
            take_parameter(key);
            while (next_ < last_ && *next_ != ';' && *next_ != ',' && *next_ != '"') ++next_;
            if (next_ < last_ && *next_ != '"') ++next_;
        }
    }
    void take_parameter(const Key& key) {
        What what = What::none;
        double number = -1;
        if (took("q=") || took("limit=")) what = What::limit;
        else if (took("r=") || took("remaining=")) what = What::remaining;
        else if (took("t=") || took("reset=")) what = What::reset;
        else if (took("w=")) {
            if (take_number(number) && at_end()) {
                Slot* found = slot(key);
                if (found != nullptr && number <= longest) found->key.window = number;
            }
            return;
        } else if (took("qu=\"")) {
            // A quota of bytes, or of requests at a time, is none of ours.
            Slot* found = slot(key);
            if (found != nullptr) found->foreign = !took("requests\"");
            while (next_ < last_ && *next_ != ';' && *next_ != ',') ++next_;
            return;
        }
        if (what != What::none && take_number(number) && at_end()) put(what, key, number);
    }
};

}  // namespace baseten
