// SPDX-License-Identifier: Apache-2.0
// One input function as a libFuzzer program: an expectation that fails aborts, which libFuzzer
// keeps as an artefact. TERRACE_FUZZ_INPUT is the function's name, set for each program.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>

#include "tests/fuzz/inputs.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  terrace::fuzz::TERRACE_FUZZ_INPUT(std::string(reinterpret_cast<const char*>(data), size));
  // Holds outside of a running test too: GoogleTest then counts for the whole program.
  if (testing::Test::HasFailure()) std::abort();
  return 0;
}
