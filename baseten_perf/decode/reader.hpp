// The reader of an embeddings response of either format.
//
// Fed with the body's bytes as they arrive, in pieces of any size.  The format must be chosen before the first of them.
// After a failure the rest of the body is swallowed, so that the connection can be used again.
#pragma once

#include "decode/json.hpp"
#include "decode/msgpack.hpp"
#include "decode/sink.hpp"

namespace baseten {

class EmbeddingsReader : public Sink {
  public:
    // `most`: vectors that the batch may have.  The format is JSON until another is chosen.
    void start(size_t most, void* owner, ReserveRows reserve_rows, bool detached) {
        Sink::start(most, owner, reserve_rows, detached);
        choose(false);
    }
    // Too late, and without effect, once part of the body has come: header lines can also follow a body, as trailers.
    void choose(bool msgpack) {
        if (head_used != 0) return;
        is_msgpack_ = msgpack;
        if (msgpack) msgpack_.start();
        else json_.start();
    }
    void feed(const char* text, size_t size) {
        remember_head(text, size);
        if (is_msgpack_) msgpack_.feed(text, size);
        else json_.feed(text, size);
    }
    void finish() {
        if (is_msgpack_) msgpack_.finish();
        else json_.finish();
    }

  private:
    bool is_msgpack_ = false;
    JsonEmbeddings json_{*this};
    MsgpackEmbeddings msgpack_{*this};
};

}  // namespace baseten
