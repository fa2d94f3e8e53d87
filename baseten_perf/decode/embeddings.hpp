// The name by which the engine still knows the reader.
#pragma once

#include "reader.hpp"

namespace baseten {

using EmbeddingsReader = AnswerReader;

}  // namespace baseten
