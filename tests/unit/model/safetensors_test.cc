// SPDX-License-Identifier: Apache-2.0
#include "tiering/model/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/temporary_folder.h"
#include "tests/unit/model/catalogue_fixture.h"
#include "tests/unit/model/model_files.h"

namespace terrace::model::safetensors_test {
namespace {

using fixture::safetensors;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

Result<SafetensorsHeader> parse(const std::string& bytes) {
  const std::vector<char> exact(bytes.begin(), bytes.end());
  return parse_safetensors_header(exact.data(), exact.size(), exact.size(), "m.safetensors");
}

void expect_refused(const std::string& bytes, const char* reason) {
  const auto header = parse(bytes);
  ASSERT_FALSE(header.ok()) << reason;
  EXPECT_EQ(header.error().code, ErrorCode::kUsage);
  EXPECT_THAT(header.error().message, AllOf(HasSubstr("m.safetensors: "), HasSubstr(reason)));
}

std::string one_tensor(const std::string& fields, std::size_t data_bytes = 8) {
  return safetensors("{\"t\":{" + fields + "}}", data_bytes);
}

TEST(Safetensors, ReadsTensorsAndTheirPlaces) {
  const auto header = parse(fixture::tiny_safetensors());
  ASSERT_TRUE(header.ok()) << header.error().message;
  ASSERT_EQ(header->tensors.size(), 6u);
  const SafetensorsTensor& last = header->tensors.back();
  EXPECT_EQ(last.name, "model.layers.0.self_attn.q_proj.weight");
  EXPECT_EQ(last.dtype, "BF16");
  EXPECT_THAT(last.shape, ElementsAre(8, 8));
  EXPECT_EQ(last.bytes, 128u);
  EXPECT_EQ(last.offset, header->file_bytes - 672 + 160);
}

TEST(Safetensors, ReadsTheSameFromAFileWithoutItsData) {
  testing_support::TemporaryFolder folder;
  const std::string path = folder.write("m.safetensors", fixture::tiny_safetensors());
  const auto header = read_safetensors_header(path);
  ASSERT_TRUE(header.ok()) << header.error().message;
  EXPECT_EQ(header->tensors.size(), 6u);
  EXPECT_EQ(read_safetensors_header("/nonexistent").error().code, ErrorCode::kIo);
  EXPECT_FALSE(read_safetensors_header(folder.path()).ok());
  EXPECT_FALSE(read_safetensors_header(folder.write("empty", "")).ok());
}

TEST(Safetensors, RefusesDamagedHeaders) {
  expect_refused("abc", "too short");
  expect_refused(std::string(16, '\xff'), "more than 100 MB");
  expect_refused(fixture::tiny_safetensors().substr(0, 100), "cut short in the header");
  expect_refused(safetensors("[1,2]", 0), "no JSON object");
  expect_refused(safetensors("{", 0), "no JSON object");
  expect_refused(safetensors(std::string(5000, '['), 0), "no JSON object");
}

TEST(Safetensors, RefusesTensorsThatCannotBe) {
  expect_refused(one_tensor("\"dtype\":\"F16\""), "lacks dtype, shape or data_offsets");
  expect_refused(one_tensor(R"("dtype":"F16","shape":[4],"data_offsets":[0])"), "wrong kind");
  expect_refused(one_tensor(R"("dtype":"F16","shape":[4],"data_offsets":[-1,8])"), "wrong kind");
  expect_refused(one_tensor(R"("dtype":"Q9","shape":[4],"data_offsets":[0,8])"), "unknown dtype");
  expect_refused(one_tensor(R"("dtype":"F16","shape":[-4],"data_offsets":[0,8])"), "a length");
  expect_refused(one_tensor(R"("dtype":"F16","shape":[4],"data_offsets":[8,0])"), "before");
  expect_refused(one_tensor(R"("dtype":"F16","shape":[5],"data_offsets":[0,8])"), "as its shape");
  expect_refused(one_tensor(R"("dtype":"F16","shape":[4],"data_offsets":[0,8])", 7), "cut short");
  expect_refused(
      one_tensor(R"("dtype":"F16","shape":[4294967296,4294967296],"data_offsets":[0,8])"),
      "too large");
}

TEST(Safetensors, AnIndexNamesEachFileOnce) {
  const auto files = parse_safetensors_index(
      R"({"metadata":{},"weight_map":{"a":"m-2.safetensors","b":"m-1.safetensors","c":"m-2.safetensors"}})",
      "i.json");
  ASSERT_TRUE(files.ok()) << files.error().message;
  EXPECT_THAT(*files, ElementsAre("m-1.safetensors", "m-2.safetensors"));
}

TEST(Safetensors, RefusesAnIndexThatNamesNoPlainFile) {
  for (const char* text : {"", "[]", "{}", R"({"weight_map":[]})", R"({"weight_map":{}})",
                           R"({"weight_map":{"a":1}})", R"({"weight_map":{"a":"../../etc/x"}})"}) {
    const auto files = parse_safetensors_index(text, "i.json");
    ASSERT_FALSE(files.ok()) << text;
    EXPECT_THAT(files.error().message, HasSubstr("i.json: "));
  }
}

TEST(Safetensors, AConfigurationKeepsNumbersFlagsAndWords) {
  const auto config = parse_model_config(fixture::tiny_config(), "config.json");
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->get("hidden_size", 0), 8u);
  EXPECT_EQ(config->get("tie_word_embeddings", 7), 0u);
  EXPECT_EQ(config->get("rope_theta", 7), 7u);
  EXPECT_EQ(config->text("model_type"), "llama");
  EXPECT_FALSE(parse_model_config("[", "config.json").ok());
}

}  // namespace
}  // namespace terrace::model::safetensors_test
