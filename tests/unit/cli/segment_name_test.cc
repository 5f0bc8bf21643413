// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/segment_name.h"

#include <gtest/gtest.h>

#include "tests/temporary_folder.h"

namespace terrace::cli::segment_name_test {
namespace {

class SegmentName : public testing::Test {
 protected:
  std::string in(const std::string& name) const { return folder_.in(name); }
  void touch(const std::string& name) const { folder_.write(name, "x"); }
  std::vector<std::uint32_t> numbers_of(const std::string& session) const {
    std::vector<std::uint32_t> numbers;
    for (const NumberedFile& file : segments_named(in(session))) {
      EXPECT_EQ(file.path, segment_name(in(session), file.number));
      numbers.push_back(file.number);
    }
    return numbers;
  }

  const testing_support::TemporaryFolder folder_;
};

TEST_F(SegmentName, HasSixDigitsBeforeTheExtension) {
  EXPECT_EQ(segment_name("a.session", 1), "a.000001.session");
  EXPECT_EQ(segment_name("runs/b.1.session", 42), "runs/b.1.000042.session");
  EXPECT_EQ(segment_name("./plain", 7), "./plain.000007");
  EXPECT_EQ(segment_name("a.session", 1234567), "a.1234567.session");
}

TEST_F(SegmentName, FindsThoseOfOneNameInOrder) {
  for (const std::uint32_t number : {10u, 2u, 1000000u}) touch(segment_name("a.session", number));
  EXPECT_EQ(numbers_of("a.session"), (std::vector<std::uint32_t>{2, 10, 1000000}));
}

TEST_F(SegmentName, LeavesOtherNamesAlone) {
  for (const char* name :
       {"a.session", "a.00001.session", "a.000000.session", "a.00001x.session", "a.000001.json",
        "b.000001.session", "ba.000001.session", "a.000001.session.part-1", "a.-00001.session",
        "a.99999999999.session"}) {
    touch(name);
  }
  EXPECT_TRUE(numbers_of("a.session").empty());
}

TEST_F(SegmentName, FindsNothingInAFolderThatIsNotThere) {
  EXPECT_TRUE(numbers_of("none/a.session").empty());
}

}  // namespace
}  // namespace terrace::cli::segment_name_test
