// SPDX-License-Identifier: Apache-2.0
// Damaged model files and site rules through naming: an error, or ranges in order, apart and within
// the memory they name. The corpus of hostile headers is kept below; each has its mutants. A fixed
// number of rounds; TERRACE_SEED repeats a run.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "profiler/session/names_chunk.h"
#include "tests/fuzz/mutate.h"
#include "tests/temporary_folder.h"
#include "tests/unit/model/model_files.h"
#include "tests/unit/names/mixture_file.h"
#include "tiering/names/buffer_layout.h"
#include "tiering/names/site_rules.h"

namespace terrace::names::fuzz_names {
namespace {

using fixture::GgufBytes;
using testing_support::TemporaryFolder;

constexpr int kRounds = 3000;

void expect_within(const std::vector<session::NamedRange>& ranges, std::uint64_t size) {
  std::uint64_t end = 0;
  for (const session::NamedRange& range : ranges) {
    ASSERT_GE(range.first_byte, end);
    ASSERT_LE(range.size.value, size - range.first_byte);
    end = range.first_byte + range.size.value;
  }
  const std::string payload = session::encode_names({1, {}, ranges});
  ASSERT_TRUE(session::decode_names(reinterpret_cast<const std::byte*>(payload.data()),
                                    payload.size(), size));
}

/// Whether it was read.
bool check(const TemporaryFolder& folder, const std::string& name, const std::string& bytes) {
  const auto model = read_model_tensors(folder.write(name, bytes));
  if (!model) {
    EXPECT_TRUE(model.error().code == ErrorCode::kUsage || model.error().code == ErrorCode::kIo);
    EXPECT_NE(model.error().message[0], '\0');
    return false;
  }
  std::uint64_t all = 0;
  for (const ModelTensor& tensor : model->tensors) {
    EXPECT_LE(tensor.offset + tensor.bytes, bytes.size());
    all += (tensor.bytes + 31) / 32 * 32;
  }
  for (const std::uint64_t offset : {std::uint64_t{0}, std::uint64_t{4096}, bytes.size() / 2}) {
    if (offset > bytes.size()) continue;
    const Bytes size(bytes.size() - offset);
    expect_within(ranges_of_mapping(*model, 0, offset, size), size.value);
  }
  if (const auto ranges = ranges_of_buffer(*model, Bytes(all))) expect_within(*ranges, all);
  return true;
}

/// One tensor with these figures, of 64 bytes of data.
std::string one_tensor(const std::vector<std::uint64_t>& shape, std::uint64_t offset,
                       std::uint32_t type = 0) {
  GgufBytes file;
  file.preamble(1, 1).string_pair("general.architecture", "llama");
  file.tensor("blk.0.ffn_up_exps.weight", shape, type, offset);
  return file.data(64).bytes();
}

/// Headers whose figures contradict the file, or overflow when they are added or multiplied.
std::vector<std::string> hostile_files() {
  constexpr std::uint64_t kLast = ~std::uint64_t{0};
  std::vector<std::string> files = {
      one_tensor({16}, kLast - 31),
      one_tensor({16}, std::uint64_t{1} << 63),
      one_tensor({16}, 32),
      one_tensor({kLast}, 0),
      one_tensor({kLast / 4, 4}, 0),
      one_tensor({1ull << 32, 1ull << 32}, 0),
      one_tensor({33}, 0, 2),
      one_tensor({16}, 0, 4),
      one_tensor({1, 2, 3, 4, 5}, 0),
      one_tensor({4, 1, 1ull << 62}, 0),
      GgufBytes().preamble(kLast, 0).bytes(),
      GgufBytes().preamble(0, kLast).bytes(),
  };
  GgufBytes length;
  length.preamble(1, 0).number<std::uint64_t>(kLast);
  files.push_back(length.bytes());
  return files;
}

TEST(FuzzNames, HostileHeadersAreRefused) {
  const TemporaryFolder folder;
  EXPECT_TRUE(check(folder, "good.gguf", one_tensor({4, 1, 4}, 0)));
  const auto files = hostile_files();
  for (std::size_t i = 0; i < files.size(); ++i) {
    EXPECT_FALSE(check(folder, "hostile.gguf", files[i])) << "file " << i;
  }
}

TEST(FuzzNames, TensorsThatOverlapAreNamedOnce) {
  const TemporaryFolder folder;
  GgufBytes file;
  file.preamble(2, 0).tensor("a", {16}, 0, 0).tensor("b", {16}, 0, 32);
  check(folder, "overlap.gguf", file.data(96).bytes());
}

TEST(FuzzNames, AFileThatIsCutShortAnywhereIsRefused) {
  const TemporaryFolder folder;
  const std::string whole = fixture::gguf_of(fixture::mixture_tensors());
  ASSERT_TRUE(check(folder, "whole.gguf", whole));
  for (std::size_t length = 0; length < whole.size(); length += length < 1200 ? 1 : 97) {
    EXPECT_FALSE(check(folder, "cut.gguf", whole.substr(0, length))) << length;
  }
  const std::string tensors = fixture::tiny_safetensors();
  ASSERT_TRUE(check(folder, "whole.safetensors", tensors));
  for (std::size_t length = 0; length < tensors.size(); ++length) {
    EXPECT_FALSE(check(folder, "cut.safetensors", tensors.substr(0, length))) << length;
  }
}

TEST(FuzzNames, DamagedFilesGiveSoundNamesOrAnError) {
  const TemporaryFolder folder;
  fuzz::Mutator mutator(fuzz::logged_seed());
  std::vector<std::string> corpus = hostile_files();
  corpus.push_back(fixture::gguf_of(fixture::mixture_tensors()));
  // Only the header decides; its data would swallow most of the damage.
  const std::size_t header = corpus.back().find("token_embd.weight") + 64;
  int read = 0;
  for (int round = 0; round < kRounds && !HasFatalFailure(); ++round) {
    const bool whole = round % 2 == 0;
    std::string bytes =
        whole ? corpus.back() : corpus[static_cast<std::size_t>(round) % corpus.size()];
    const std::string data = whole ? bytes.substr(header) : std::string{};
    read += check(folder, "f.gguf",
                  mutator.damaged_bytes(bytes.substr(0, bytes.size() - data.size())) + data);
    check(folder, "f.safetensors", mutator.damaged_text(fixture::tiny_safetensors()));
  }
  EXPECT_GT(read, kRounds / 50) << "some reach the layout";
}

TEST(FuzzNames, DamagedRulesAreReadOrRefused) {
  fuzz::Mutator mutator(fuzz::logged_seed());
  const SiteFacts facts{{"llama_kv_cache::llama_kv_cache()"}, {"libllama.so"}, Bytes(1 << 20)};
  int read = 0;
  for (int round = 0; round < kRounds; ++round) {
    const auto rules = parse_site_rules(mutator.damaged_text(default_site_rules()), "r.toml");
    if (!rules) {
      ASSERT_EQ(rules.error().code, ErrorCode::kUsage);
      continue;
    }
    ++read;
    for (const SiteRule& rule : *rules) {
      ASSERT_LE(rule.confidence, 100);
      matches(rule, facts);
    }
  }
  EXPECT_GT(read, 0);
}

}  // namespace
}  // namespace terrace::names::fuzz_names
