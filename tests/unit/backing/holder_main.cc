// SPDX-License-Identifier: Apache-2.0
// The tests, or with --hold-blocks PATH BLOCKS another holder of a pool for them.
#include <gtest/gtest.h>

#include <string_view>

#include "tests/unit/backing/pool_holder.h"

int main(int argc, char** argv) {
  if (argc == 4 && std::string_view(argv[1]) == terrace::testing_support::kHoldOption) {
    return terrace::testing_support::hold_blocks(argv + 2);
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
