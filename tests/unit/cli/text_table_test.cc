// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/text_table.h"

#include <gtest/gtest.h>

namespace terrace::cli::text_table_test {
namespace {

TEST(TextTable, AlignsColumnsByCharactersAndEndsLinesClean) {
  TextTable table({{"name"}, {"size", Align::kRight}, {"note"}});
  table.add({"é", "1"});
  table.add({"longer", "22", "x"});
  EXPECT_EQ(table.text(),
            "name    size  note\n"
            "é          1\n"
            "longer    22  x\n");
}

TEST(TextTable, ShowsFiguresInReadableUnits) {
  EXPECT_EQ(show_milliseconds(0.0012345), "1.234 ms");
  EXPECT_EQ(show_milliseconds(0.1), "100.0 ms");
  EXPECT_EQ(show_share(0.125), "12.5 %");
}

}  // namespace
}  // namespace terrace::cli::text_table_test
