// SPDX-License-Identifier: Apache-2.0
#include "tiering/model/gguf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>

#include "tests/logged_seed.h"
#include "tests/unit/model/gguf_file.h"

namespace terrace::model::gguf_test {
namespace {

using fixture::GgufBytes;
using testing::AllOf;
using testing::HasSubstr;

Result<GgufHeader> parse(const std::string& bytes) {
  // A copy of exactly the file's length, so that a sanitizer sees a read past it.
  const std::vector<char> exact(bytes.begin(), bytes.end());
  return parse_gguf_header(exact.data(), exact.size(), "m.gguf");
}

void expect_refused(const std::string& bytes, const std::string& what) {
  const auto header = parse(bytes);
  ASSERT_FALSE(header.ok()) << what;
  EXPECT_EQ(header.error().code, ErrorCode::kUsage);
  EXPECT_THAT(header.error().message, AllOf(HasSubstr("m.gguf: "), HasSubstr(what)));
}

TEST(Gguf, ReadsTensorsAndMetadata) {
  const auto header = parse(fixture::tiny_gguf());
  ASSERT_TRUE(header.ok()) << header.error().message;
  EXPECT_EQ(header->version, 3u);
  EXPECT_EQ(header->layer_count(), 22u);
  EXPECT_EQ(header->integers.at("flag"), 1u);
  EXPECT_EQ(header->integers.count("negative"), 0u);
  EXPECT_EQ(header->integers.count("f"), 0u);
  ASSERT_EQ(header->tensors.size(), 2u);
  EXPECT_EQ(header->tensors[0].name, "output.weight");
  EXPECT_EQ(header->tensors[0].shape, (std::vector<std::uint64_t>{64, 4}));
  EXPECT_EQ(header->tensors[0].bytes, 144u);
  EXPECT_EQ(header->tensors[0].type->name, "Q4_0");
  EXPECT_EQ(header->tensors[1].bytes, 32u);
  EXPECT_EQ(header->data_offset % 64, 0u);
  EXPECT_EQ(header->tensors[1].offset, header->data_offset + 192);
  EXPECT_EQ(header->tensors[1].offset + 32, header->file_bytes);
}

TEST(Gguf, FindsTheTensorOfAByte) {
  const auto header = parse(fixture::tiny_gguf());
  ASSERT_TRUE(header.ok());
  const std::uint64_t data = header->data_offset;
  EXPECT_EQ(header->tensor_at(data + 143)->name, "output.weight");
  EXPECT_EQ(header->tensor_at(data + 144), nullptr);
  EXPECT_EQ(header->tensor_at(data + 192)->name, "blk.0.attn_norm.weight");
  EXPECT_EQ(header->tensor_at(0), nullptr);
}

TEST(Gguf, ReadsTheSameFromAFile) {
  const std::string path =
      testing::TempDir() + "/" + std::to_string(std::random_device{}()) + ".gguf";
  std::ofstream(path, std::ios::binary) << fixture::tiny_gguf();
  const auto header = read_gguf_header(path);
  std::remove(path.c_str());
  ASSERT_TRUE(header.ok()) << header.error().message;
  EXPECT_EQ(header->tensors.size(), 2u);
}

TEST(Gguf, ReportsFilesThatCannotBeRead) {
  const auto missing = read_gguf_header("/nonexistent.gguf");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, ErrorCode::kIo);
  EXPECT_FALSE(read_gguf_header("/tmp").ok());
}

TEST(Gguf, KnowsTheSizesOfTheCommonTypes) {
  const struct {
    std::uint32_t id;
    const char* name;
    double bits;
  } known[] = {{0, "F32", 32},      {1, "F16", 16},      {30, "BF16", 16},   {2, "Q4_0", 4.5},
               {8, "Q8_0", 8.5},    {12, "Q4_K", 4.5},   {13, "Q5_K", 5.5},  {14, "Q6_K", 6.5625},
               {20, "IQ4_NL", 4.5}, {10, "Q2_K", 2.625}, {39, "MXFP4", 4.25}};
  for (const auto& expected : known) {
    const GgufType* type = gguf_type(expected.id);
    ASSERT_NE(type, nullptr) << expected.name;
    EXPECT_EQ(type->name, expected.name);
    EXPECT_DOUBLE_EQ(8.0 * type->bytes / type->elements, expected.bits) << expected.name;
  }
  EXPECT_EQ(gguf_type(4), nullptr);
  EXPECT_EQ(gguf_type(1000), nullptr);
}

TEST(Gguf, RefusesEveryLengthShortOfTheWhole) {
  const std::string whole = fixture::tiny_gguf();
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    const auto header = parse(whole.substr(0, cut));
    ASSERT_FALSE(header.ok()) << "length " << cut;
    EXPECT_THAT(header.error().message,
                AllOf(HasSubstr("cut short"), HasSubstr(std::to_string(cut))))
        << "length " << cut;
  }
}

TEST(Gguf, NamesTheTensorThatIsCutShort) {
  const std::string whole = fixture::tiny_gguf();
  expect_refused(whole.substr(0, whole.size() - 1), "tensor blk.0.attn_norm.weight ends at");
}

TEST(Gguf, RefusesOtherFilesAndVersions) {
  expect_refused("PK\x03\x04 and more that is no model", "its magic is missing");
  expect_refused(GgufBytes().preamble(0, 0, 1).bytes(), "not version 2 or 3");
  expect_refused(GgufBytes().preamble(0, 0, 0x03000000).bytes(), "not version 2 or 3");
  EXPECT_TRUE(parse(GgufBytes().preamble(0, 0, 2).bytes()).ok());
}

TEST(Gguf, RefusesCountsAndLengthsThatTheFileCannotHold) {
  expect_refused(GgufBytes().preamble(UINT64_MAX, 0).bytes(), "as many tensors");
  expect_refused(GgufBytes().preamble(0, UINT64_MAX).bytes(), "as many metadata");
  expect_refused(GgufBytes().preamble(0, 1).number(UINT64_MAX).text("12345").bytes(),
                 "a metadata key");
  GgufBytes array;
  array.preamble(0, 1).text("k").number<std::uint32_t>(9).number<std::uint32_t>(10);
  expect_refused(array.number<std::uint64_t>(UINT64_MAX / 8 + 2).bytes(), "an array's elements");
}

TEST(Gguf, RefusesUnknownTypesDeepArraysAndBadAlignment) {
  expect_refused(GgufBytes().preamble(0, 1).text("k").number<std::uint32_t>(13).text("x").bytes(),
                 "unknown metadata type");
  GgufBytes deep;
  deep.preamble(0, 1).text("k").number<std::uint32_t>(9);
  for (int i = 0; i < 100; ++i) deep.number<std::uint32_t>(9).number<std::uint64_t>(1);
  expect_refused(deep.bytes(), "nest too deeply");
  expect_refused(GgufBytes().preamble(0, 1).u32_pair("general.alignment", 0).bytes(),
                 "power of two");
  expect_refused(GgufBytes().preamble(0, 1).u32_pair("general.alignment", 48).bytes(),
                 "power of two");
}

TEST(Gguf, RefusesBadTensors) {
  const auto with = [](const std::vector<std::uint64_t>& shape, std::uint32_t type,
                       std::uint64_t offset) {
    return GgufBytes().preamble(1, 0).tensor("t", shape, type, offset).data(4096).bytes();
  };
  EXPECT_TRUE(parse(with({32, 2}, 2, 32)).ok());
  expect_refused(with({}, 0, 0), "not 1 to 4 dimensions");
  expect_refused(with({1, 1, 1, 1, 1}, 0, 0), "not 1 to 4 dimensions");
  expect_refused(with({32, 0}, 0, 0), "empty or too large");
  expect_refused(with({UINT64_MAX, 2}, 0, 0), "empty or too large");
  expect_refused(with({UINT64_MAX}, 0, 0), "too large");
  expect_refused(with({32}, 4, 0), "unknown tensor type");
  expect_refused(with({33}, 2, 0), "no whole number");
  expect_refused(with({32}, 0, 7), "not aligned");
  expect_refused(with({32}, 0, UINT64_MAX - 31), "too large");
  expect_refused(with({32}, 0, 4096), "tensor t ends at");
  expect_refused(
      GgufBytes().preamble(2, 0).tensor("t", {1}, 0, 0).tensor("t", {1}, 0, 0).data(64).bytes(),
      "listed twice");
}

TEST(Gguf, SurvivesRandomDamage) {
  std::mt19937 random(testing_support::logged_seed());
  const std::string whole = fixture::tiny_gguf();
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = whole;
    for (std::uint32_t change = random() % 4 + 1; change > 0; --change) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    if (random() % 4 == 0) bytes.resize(random() % (bytes.size() + 1));
    const auto header = parse(bytes);
    if (!header.ok()) {
      ASSERT_NE(header.error().message[0], '\0');
      continue;
    }
    for (const GgufTensor& tensor : header->tensors) {
      ASSERT_LE(tensor.offset, bytes.size());
      ASSERT_LE(tensor.bytes, bytes.size() - tensor.offset);
    }
  }
}

}  // namespace
}  // namespace terrace::model::gguf_test
