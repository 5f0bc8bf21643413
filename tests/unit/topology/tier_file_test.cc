// SPDX-License-Identifier: Apache-2.0
// The tier file: what it may say, what it does to the tiers found, and how its errors read.
#include "allocators/topology/tier_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "allocators/topology/classify.h"
#include "allocators/topology/tier_overlay.h"

namespace terrace::tier_file_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// Node 0: 16 GiB with CPUs. Node 2: 8 GiB without.
MachineFacts machine() {
  MachineFacts facts;
  NodeFacts dram;
  dram.id = NodeId{0};
  dram.has_cpu = true;
  dram.capacity = {GiB(16), Provenance::kSysfs};
  dram.read_bandwidth = {GBps(100), Provenance::kHmat};
  NodeFacts far = dram;
  far.id = NodeId{2};
  far.has_cpu = false;
  far.capacity = {GiB(8), Provenance::kSysfs};
  far.read_bandwidth = {GBps(20), Provenance::kHmat};
  facts.nodes = {dram, far};
  return facts;
}

Result<PathFacts> no_paths(const std::string&) {
  return make_error(ErrorCode::kUsage, 0, "does not exist");
}

Result<std::vector<Tier>> tiers_with(const std::string& text) {
  const MachineFacts facts = machine();
  const auto file = parse_tier_file(text, "tiers.toml");
  if (!file) return file.error();
  return apply_tier_file(*file, tiers_from(facts), facts, no_paths);
}

std::string error_of(const std::string& text) {
  const auto tiers = tiers_with(text);
  if (tiers.ok()) return "no error";
  EXPECT_EQ(tiers.error().code, ErrorCode::kUsage);
  return tiers.error().message;
}

const Tier* find(const std::vector<Tier>& tiers, const std::string& name) {
  for (const Tier& tier : tiers)
    if (tier.name == name) return &tier;
  return nullptr;
}

const std::string kSlow =
    "[[tier]]\nname = \"slow\"\nkind = \"cxl\"\nbacking = \"emulated\"\nnodes = [0]\n"
    "capacity = \"4GiB\"\nbandwidth = \"2.3GB/s\"\nlatency = \"250ns\"\n";

TEST(TierFile, AddsAnEmulatedTierWithTheUsersFigures) {
  const auto tiers = tiers_with(kSlow);
  ASSERT_TRUE(tiers.ok()) << tiers.error().message;
  ASSERT_EQ(tiers->size(), 3u);
  const Tier* slow = find(*tiers, "slow");
  ASSERT_NE(slow, nullptr);
  EXPECT_TRUE(slow->emulated());
  EXPECT_EQ(slow->kind, TierKind::kCxl);
  EXPECT_EQ(slow->capacity.value, GiB(4));
  EXPECT_EQ(slow->capacity.from, Provenance::kUserFile);
  EXPECT_DOUBLE_EQ(slow->read_bandwidth.value.value, 2.3);
  EXPECT_EQ(slow->read_bandwidth.from, Provenance::kUserFile);
  EXPECT_EQ(slow->idle_latency.value, Nanoseconds(250));
  EXPECT_THAT(slow->nodes, ElementsAre(NodeId{0}));
}

TEST(TierFile, TakesWhatAnEmulatedTierBorrowsOffItsLender) {
  const auto tiers = tiers_with(kSlow);
  ASSERT_TRUE(tiers.ok());
  EXPECT_EQ(find(*tiers, "dram")->capacity.value, GiB(12));
  EXPECT_EQ(find(*tiers, "cxl")->capacity.value, GiB(8));
}

TEST(TierFile, LeavesAStatedCapacityOfTheLenderAlone) {
  const auto tiers = tiers_with(kSlow + "[[tier]]\nname = \"dram\"\ncapacity = \"1GiB\"\n");
  ASSERT_TRUE(tiers.ok()) << tiers.error().message;
  EXPECT_EQ(find(*tiers, "dram")->capacity.value, GiB(1));
}

TEST(TierFile, OverridesOneFigureAndKeepsTheOthers) {
  const auto tiers = tiers_with("[[tier]]\nname = \"cxl\"\nlatency = \"300ns\"\n");
  ASSERT_TRUE(tiers.ok()) << tiers.error().message;
  ASSERT_EQ(tiers->size(), 2u);
  const Tier* cxl = find(*tiers, "cxl");
  EXPECT_EQ(cxl->idle_latency.from, Provenance::kUserFile);
  EXPECT_EQ(cxl->read_bandwidth.from, Provenance::kHmat);
  EXPECT_EQ(cxl->capacity.value, GiB(8));
}

TEST(TierFile, OnlyLeavesOutWhatWasFound) {
  const auto tiers = tiers_with("only = true\n" + kSlow);
  ASSERT_TRUE(tiers.ok()) << tiers.error().message;
  ASSERT_EQ(tiers->size(), 1u);
  EXPECT_EQ(tiers->front().name, "slow");
}

TEST(TierFile, ANewNumaTierTakesItsNodesFromTheDiscoveredOne) {
  const auto tiers = tiers_with("[[tier]]\nname = \"expander\"\nkind = \"cxl\"\nnodes = \"2\"\n");
  ASSERT_TRUE(tiers.ok()) << tiers.error().message;
  ASSERT_EQ(tiers->size(), 2u);
  EXPECT_EQ(find(*tiers, "cxl"), nullptr);
  EXPECT_EQ(find(*tiers, "expander")->capacity.value, GiB(8));
}

TEST(TierFile, MovedNodesMakeOldFiguresVoid) {
  const auto tiers = tiers_with("[[tier]]\nname = \"dram\"\nnodes = \"0,2\"\n");
  ASSERT_TRUE(tiers.ok()) << tiers.error().message;
  ASSERT_EQ(tiers->size(), 1u);
  EXPECT_FALSE(tiers->front().read_bandwidth.known());
  EXPECT_EQ(tiers->front().capacity.value, GiB(24));
}

TEST(TierFile, EmulatedNodesDefaultToDram) {
  const auto tiers = tiers_with(
      "[[tier]]\nname = \"slow\"\nbacking = \"emulated\"\ncapacity = \"1GiB\"\n"
      "bandwidth = \"1GB/s\"\n");
  ASSERT_TRUE(tiers.ok()) << tiers.error().message;
  EXPECT_THAT(find(*tiers, "slow")->nodes, ElementsAre(NodeId{0}));
}

TEST(TierFileError, NamesLineAndKeyAndSuggestsTheRightOne) {
  const std::string error = error_of("[[tier]]\nname = \"slow\"\nbandwith = \"1GB/s\"\n");
  EXPECT_THAT(error, StartsWith("tiers.toml:3: unknown key \"bandwith\""));
  EXPECT_THAT(error, HasSubstr("did you mean \"bandwidth\"?"));
}

TEST(TierFileError, ListsTheKeysWhenNoneIsNear) {
  EXPECT_THAT(error_of("[[tier]]\nname = \"slow\"\nzzzzzzzz = 1\n"),
              HasSubstr("known are name kind backing nodes path use capacity bandwidth latency"));
  EXPECT_THAT(error_of("onyl = true\n"), HasSubstr("did you mean \"only\"?"));
}

TEST(TierFileError, BadFiguresSayHowToWriteThem) {
  const std::string head = "[[tier]]\nname = \"dram\"\n";
  EXPECT_THAT(error_of(head + "capacity = \"4 apples\"\n"),
              StartsWith("tiers.toml:3: key \"capacity\": \"4 apples\" is no size"));
  EXPECT_THAT(error_of(head + "capacity = 4096\n"), HasSubstr("needs a unit and quotes"));
  EXPECT_THAT(error_of(head + "capacity = \"0\"\n"), HasSubstr("key \"capacity\" is 0"));
  EXPECT_THAT(error_of(head + "bandwidth = \"fast\"\n"), HasSubstr("2.3GB/s"));
  EXPECT_THAT(error_of(head + "bandwidth = 2.3\n"), HasSubstr("as in \"2.3GB/s\""));
  EXPECT_THAT(error_of(head + "latency = \"5\"\n"), HasSubstr("250ns"));
  EXPECT_THAT(error_of(head + "latency = \"0ns\"\n"), HasSubstr("leave it out"));
  EXPECT_THAT(error_of(head + "kind = \"cxxl\"\n"), HasSubstr("did you mean \"cxl\"?"));
  EXPECT_THAT(error_of(head + "backing = \"emulate\"\n"), HasSubstr("did you mean \"emulated\"?"));
  EXPECT_THAT(error_of(head + "backing = 7\n"), HasSubstr("known are numa emulated dax"));
}

TEST(TierFileError, BadNodesNameTheOnesThereAre) {
  const std::string head = "[[tier]]\nname = \"dram\"\n";
  EXPECT_THAT(error_of(head + "nodes = [1]\n"),
              StartsWith("tiers.toml:3: key \"nodes\": node 1 has no memory on this machine; nodes "
                         "with memory: 0,2"));
  EXPECT_THAT(error_of(head + "nodes = \"x\"\n"), HasSubstr("0-1,3"));
  EXPECT_THAT(error_of(head + "nodes = [0.5]\n"), HasSubstr("takes numbers"));
  EXPECT_THAT(error_of(head + "nodes = []\n"), HasSubstr("no node list"));
  EXPECT_THAT(error_of(head + "nodes = true\n"), HasSubstr("[0, 2]"));
  EXPECT_THAT(error_of(head + "nodes = [-1]\n"), HasSubstr("no node list"));
}

TEST(TierFileError, BadNamesAndDoubles) {
  EXPECT_THAT(error_of("[[tier]]\nkind = \"cxl\"\n"), HasSubstr("has no \"name\""));
  EXPECT_THAT(error_of("[[tier]]\nname = \"a b\"\n"), HasSubstr("1 to 32 letters"));
  EXPECT_THAT(error_of("[[tier]]\nname = \"\"\n"), HasSubstr("1 to 32 letters"));
  EXPECT_THAT(error_of(kSlow + kSlow),
              StartsWith("tiers.toml:10: key \"name\": \"slow\" is defined in line 2 already"));
}

TEST(TierFileError, AnEmulatedTierNeedsItsLink) {
  const std::string head = "[[tier]]\nname = \"slow\"\nbacking = \"emulated\"\n";
  EXPECT_THAT(error_of(head + "capacity = \"1GiB\"\n"),
              StartsWith("tiers.toml:1: emulated tier \"slow\" has no \"bandwidth\""));
  EXPECT_THAT(error_of(head + "bandwidth = \"1GB/s\"\n"), HasSubstr("capacity = \"4GiB\""));
  EXPECT_THAT(error_of("[[tier]]\nname = \"dram\"\nbacking = \"emulated\"\n"),
              HasSubstr("has no \"bandwidth\""));
}

TEST(TierFileError, ANewNumaTierNeedsNodesAndMayBeAMisspeltOldOne) {
  const std::string error = error_of("[[tier]]\nname = \"drma\"\ncapacity = \"1GiB\"\n");
  EXPECT_THAT(error, HasSubstr("new tier \"drma\" has no \"nodes\""));
  EXPECT_THAT(error, HasSubstr("did you mean the tier \"dram\"?"));
}

TEST(TierFileError, NoTierIsLargerThanItsMemory) {
  EXPECT_THAT(
      error_of("[[tier]]\nname = \"cxl\"\ncapacity = \"9GiB\"\n"),
      StartsWith("tiers.toml:3: key \"capacity\": tier \"cxl\" asks for 9.00 GiB of node 2"));
  EXPECT_THAT(error_of("[[tier]]\nname = \"slow\"\nbacking = \"emulated\"\ncapacity = \"16GiB\"\n"
                       "bandwidth = \"1GB/s\"\n"),
              HasSubstr("has 16.0 GiB left for it"));
  EXPECT_THAT(error_of("[[tier]]\nname = \"dram\"\ncapacity = \"16GiB\"\n"
                       "[[tier]]\nname = \"slow\"\nbacking = \"emulated\"\ncapacity = \"9GiB\"\n"
                       "bandwidth = \"1GB/s\"\n"),
              HasSubstr("together ask for 33.0 GiB"));
}

TEST(TierFileError, TwoNumaTiersCannotShareANode) {
  EXPECT_THAT(
      error_of("[[tier]]\nname = \"a\"\nnodes = [2]\n[[tier]]\nname = \"b\"\nnodes = [2]\n"),
      StartsWith("tiers.toml:6: key \"nodes\": tier \"a\" of line 1 has one of these nodes"));
}

TEST(TierFileError, OnlyNeedsATier) {
  EXPECT_THAT(error_of("only = true\n"), HasSubstr("leaves no tier"));
  EXPECT_THAT(error_of("only = 1\n"), HasSubstr("must be true or false"));
}

TEST(TierFileError, TooManyTiers) {
  std::string text = "only = true\n";
  for (int i = 0; i < 17; ++i)
    text += "[[tier]]\nname = \"t" + std::to_string(i) +
            "\"\nbacking = \"emulated\"\ncapacity = \"1MiB\"\nbandwidth = \"1GB/s\"\n";
  EXPECT_THAT(error_of(text), HasSubstr("at most 16"));
}

TEST(TierFileError, SyntaxErrorsNameTheLine) {
  EXPECT_THAT(error_of("[[tier]]\nname = \n"), StartsWith("tiers.toml:2: not valid TOML"));
  EXPECT_THAT(error_of("[[tier]]\nname = \"a\"\nname = \"b\"\n"), StartsWith("tiers.toml:3:"));
  EXPECT_THAT(error_of("tier = 3\n"), HasSubstr("write [[tier]]"));
  EXPECT_THAT(error_of("tier = [1, 2]\n"), HasSubstr("write [[tier]]"));
  EXPECT_THAT(error_of(std::string("\xff\xfe\x00", 3)), StartsWith("tiers.toml:"));
}

TEST(TierFileError, NoDamageToTheTextGoesBeyondAMessage) {
  constexpr unsigned kSeed = 7;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  std::mt19937 random(kSeed);
  int refused = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string text = "only = true\n" + kSlow;
    for (unsigned damage = 1 + random() % 4; damage > 0; --damage) {
      const std::size_t at = random() % text.size();
      switch (random() % 3) {
        case 0:
          text[at] = static_cast<char>(random());
          break;
        case 1:
          text.erase(at, 1 + random() % 8);
          break;
        default:
          text.insert(at, text.substr(random() % text.size(), random() % 20));
      }
    }
    const auto tiers = tiers_with(text);
    if (tiers.ok()) {
      EXPECT_FALSE(tiers->empty());
      continue;
    }
    ++refused;
    EXPECT_EQ(tiers.error().code, ErrorCode::kUsage);
    EXPECT_THAT(tiers.error().message, StartsWith("tiers.toml:"));
  }
  EXPECT_GT(refused, 1000);
}

TEST(TierFileError, AMissingFileIsNamed) {
  const auto file = read_tier_file("/does/not/exist.toml");
  ASSERT_FALSE(file.ok());
  EXPECT_EQ(file.error().code, ErrorCode::kIo);
  EXPECT_THAT(file.error().message, HasSubstr("/does/not/exist.toml: the tier file cannot be read: "
                                              "No such file or directory"));
}

TEST(TierOrder, PutsEmulatedLinksLastAndOthersByBandwidth) {
  auto tiers = tiers_with(
      "[[tier]]\nname = \"dram\"\nbandwidth = \"10GB/s\"\n"
      "[[tier]]\nname = \"slow\"\nbacking = \"emulated\"\ncapacity = \"1GiB\"\n"
      "bandwidth = \"50GB/s\"\n");
  ASSERT_TRUE(tiers.ok()) << tiers.error().message;
  sort_tiers(*tiers);
  std::vector<std::string> names;
  for (const Tier& tier : *tiers) names.push_back(tier.name);
  EXPECT_THAT(names, ElementsAre("cxl", "dram", "slow"));
}

}  // namespace
}  // namespace terrace::tier_file_test
