// SPDX-License-Identifier: Apache-2.0
// A request trace: requests within the reader's limits or an error that names a line, and an end.
#include <gtest/gtest.h>

#include <memory>
#include <sstream>

#include "tests/fuzz/inputs.h"
#include "tiering/simulate/trace_reader.h"

namespace terrace::fuzz {
namespace {

using namespace simulate;

int check(const std::string& text, TraceFormat format) {
  TraceReader reader(std::make_unique<std::istringstream>(text), "fuzzed", format,
                     PrefixBlocks::kRead);
  int read = 0;
  // No more requests than lines can be in it.
  for (std::size_t left = text.size() + 2; left > 0; --left) {
    const auto request = reader.next();
    if (!request.ok()) {
      EXPECT_EQ(request.error().code, ErrorCode::kUsage);
      EXPECT_EQ(std::string(request.error().message).rfind("fuzzed:", 0), 0u);
      return read;
    }
    if (!request->has_value()) return read;
    ++read;
    EXPECT_LE((*request)->context_tokens, kMostTokens);
    EXPECT_LE((*request)->generated_tokens, kMostTokens);
    EXPECT_LE((*request)->prefix_blocks.size(), (*request)->context_tokens);
  }
  ADD_FAILURE() << "more requests than bytes";
  return read;
}

}  // namespace

int trace_input(const std::string& text) {
  return check(text, TraceFormat::kMooncake) + check(text, TraceFormat::kAzure);
}

}  // namespace terrace::fuzz
