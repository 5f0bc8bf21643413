// SPDX-License-Identifier: Apache-2.0
#include "allocators/topology/parse_units.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace terrace::parse_units_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<int> numbers(const std::vector<NodeId>& nodes) {
  std::vector<int> out;
  for (const NodeId node : nodes) out.push_back(raw(node));
  return out;
}

std::uint64_t size_of(const char* text) {
  const auto size = parse_size(text);
  EXPECT_TRUE(size.ok()) << text << ": " << size.error().message;
  return size.ok() ? size->value : 0;
}

TEST(ParseSize, ReadsBinaryUnits) {
  EXPECT_EQ(size_of("4GiB"), std::uint64_t{4} << 30);
  EXPECT_EQ(size_of("4G"), std::uint64_t{4} << 30);
  EXPECT_EQ(size_of("512m"), std::uint64_t{512} << 20);
  EXPECT_EQ(size_of("3k"), 3072u);
  EXPECT_EQ(size_of("1.5KiB"), 1536u);
  EXPECT_EQ(size_of("2T"), std::uint64_t{2} << 40);
}

TEST(ParseSize, ReadsDecimalUnitsAndPlainBytes) {
  EXPECT_EQ(size_of("4GB"), 4000000000u);
  EXPECT_EQ(size_of("1.5 MB"), 1500000u);
  EXPECT_EQ(size_of("4096"), 4096u);
  EXPECT_EQ(size_of(" 12 B "), 12u);
}

TEST(ParseSize, KeepsEveryBitOfAWholeNumber) {
  EXPECT_EQ(size_of("18446744073709551615"), ~std::uint64_t{0});
  EXPECT_EQ(size_of("9007199254740993"), 9007199254740993u);
}

TEST(ParseSize, RefusesWhatIsNoSizeAndSaysHowToWriteOne) {
  for (const char* text : {"", " ", "GiB", "-1G", "+1G", "4GX", "0x10", "1e9", "nan", "inf", ".5G",
                           "4 G B", "4GB/s", "4,5G"}) {
    const auto size = parse_size(text);
    ASSERT_FALSE(size.ok()) << text;
    EXPECT_EQ(size.error().code, ErrorCode::kUsage);
    EXPECT_THAT(size.error().message, HasSubstr("4GiB")) << text;
  }
}

TEST(ParseSize, RefusesWhatDoesNotFit) {
  for (const char* text : {"18446744073709551616", "16777216T", "16777216.5T"}) {
    const auto size = parse_size(text);
    ASSERT_FALSE(size.ok()) << text;
    EXPECT_THAT(size.error().message, HasSubstr("64 bits"));
  }
}

TEST(ParseSize, CutsAnEndlessTextInItsMessage) {
  const std::string text(5000, 'x');
  const auto size = parse_size(text);
  ASSERT_FALSE(size.ok());
  EXPECT_THAT(size.error().message, HasSubstr("4GiB"));
}

TEST(ParseBandwidth, ReadsDecimalAndBinaryRates) {
  EXPECT_DOUBLE_EQ(parse_bandwidth("2.3GB/s")->value, 2.3);
  EXPECT_DOUBLE_EQ(parse_bandwidth("800 MB/s")->value, 0.8);
  EXPECT_DOUBLE_EQ(parse_bandwidth("1GiB/s")->value, 1.073741824);
  EXPECT_DOUBLE_EQ(parse_bandwidth("1.2tb/s")->value, 1200);
}

TEST(ParseBandwidth, RefusesAMissingUnitAndZero) {
  for (const char* text : {"", "2.3", "2.3GB", "GB/s", "2.3/s", "0GB/s", "-1GB/s", "2 parsecs/s"}) {
    const auto bandwidth = parse_bandwidth(text);
    ASSERT_FALSE(bandwidth.ok()) << text;
    EXPECT_THAT(bandwidth.error().message, HasSubstr("2.3GB/s")) << text;
  }
}

TEST(ParseDuration, ReadsEveryUnit) {
  EXPECT_EQ(parse_duration("250ns")->value, 250u);
  EXPECT_EQ(parse_duration("1.5us")->value, 1500u);
  EXPECT_EQ(parse_duration("2\xc2\xb5s")->value, 2000u);
  EXPECT_EQ(parse_duration("4ms")->value, 4000000u);
  EXPECT_EQ(parse_duration("10 s")->value, 10000000000u);
  EXPECT_EQ(parse_duration("2min")->value, 120000000000u);
  EXPECT_EQ(parse_duration("0ns")->value, 0u);
}

TEST(ParseDuration, RefusesAMissingUnitAndOverflow) {
  for (const char* text : {"", "5", "ns", "-5ns", "5 fortnights", "99999999999999999min"}) {
    const auto duration = parse_duration(text);
    ASSERT_FALSE(duration.ok()) << text;
    EXPECT_EQ(duration.error().code, ErrorCode::kUsage);
  }
}

TEST(ParseNodeList, ReadsNumbersAndRangesInAnyOrder) {
  EXPECT_THAT(numbers(*parse_node_list("0")), ElementsAre(0));
  EXPECT_THAT(numbers(*parse_node_list("0-1,3")), ElementsAre(0, 1, 3));
  EXPECT_THAT(numbers(*parse_node_list("7, 2-3 ,2")), ElementsAre(2, 3, 7));
  EXPECT_EQ(parse_node_list("0-1023")->size(), 1024u);
}

TEST(ParseNodeList, RefusesMalformedLists) {
  for (const char* text : {"", ",", "0,", ",0", "a", "1-", "-1", "2-1", "0-1-2", "1024", "0-1024",
                           "99999999999", "all", "!0", "+0", "0 1"}) {
    const auto nodes = parse_node_list(text);
    ASSERT_FALSE(nodes.ok()) << text;
    EXPECT_THAT(nodes.error().message, HasSubstr("0-1,3")) << text;
  }
}

TEST(ParseNodeList, KnowsNumactlFormsWhenToldTheMachine) {
  const std::vector<NodeId> machine = {NodeId{0}, NodeId{2}, NodeId{5}};
  EXPECT_THAT(numbers(*parse_node_list("all", machine)), ElementsAre(0, 2, 5));
  EXPECT_THAT(numbers(*parse_node_list("!2", machine)), ElementsAre(0, 5));
  EXPECT_THAT(numbers(*parse_node_list("+1-2", machine)), ElementsAre(2, 5));
  EXPECT_THAT(numbers(*parse_node_list("5,0", machine)), ElementsAre(0, 5));
}

TEST(ParseNodeList, RefusesNodesThatTheMachineLacks) {
  const std::vector<NodeId> machine = {NodeId{0}, NodeId{2}};
  EXPECT_THAT(parse_node_list("1", machine).error().message, HasSubstr("no memory node 1"));
  EXPECT_THAT(parse_node_list("+2", machine).error().message, HasSubstr("position 2"));
  EXPECT_THAT(parse_node_list("!0-5", machine).error().message, HasSubstr("every node"));
}

}  // namespace
}  // namespace terrace::parse_units_test
