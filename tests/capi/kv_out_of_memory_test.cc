// SPDX-License-Identifier: Apache-2.0
// Calls that hand out sequences, with each allocation failing in turn: TERRACE_NO_MEMORY, and no
// block, promise, sequence or handle is left behind. By the library's parts, since a shared library
// may have an operator new of its own.
#include <functional>

#include "tests/capi/kv_server.h"
#include "tests/unit/kv/failing_new.h"

namespace terrace::capi_test {
namespace {

using Make = std::function<terrace_status(terrace_sequence*)>;

struct Counts {
  explicit Counts(const terrace_kv_info& info)
      : used(info.used_blocks[0] + info.used_blocks[1]),
        promised(info.promised_blocks),
        sequences(info.sequences),
        paused(info.paused_sequences) {}
  bool operator==(const Counts&) const = default;
  std::uint64_t used;
  std::uint64_t promised;
  std::uint64_t sequences;
  std::uint64_t paused;
};

/// Makes a sequence and ends it, until no allocation is left that could fail.
void make_with_failures(terrace_kv cache, const Make& make) {
  const Counts before(info_of(cache));
  std::uint64_t refused = 0;
  bool failed = true;
  for (std::uint64_t nth = 1; failed; ++nth) {
    terrace_sequence sequence{};
    terrace_status status = TERRACE_OK;
    {
      const NthNewFails failing(nth);
      status = make(&sequence);
      failed = failing.failed();
    }
    if (status == TERRACE_OK) {
      EXPECT_FALSE(failed) << "nothing but calls that are refused needs memory here";
      EXPECT_EQ(terrace_sequence_end(sequence), TERRACE_OK) << terrace_last_error();
    } else {
      EXPECT_EQ(status, TERRACE_NO_MEMORY) << terrace_last_error();
      EXPECT_EQ(sequence.id, 0u);
      EXPECT_EQ(Counts(info_of(cache)), before) << "allocation " << nth;
      ++refused;
    }
  }
  EXPECT_GT(refused, 3u);
}

TEST(KvApiOutOfMemory, BeginAndForkLeaveNothingBehind) {
  const KvMachine machine;
  const terrace_kv cache = open_kv(machine.context);
  const Tokens tokens = tokens_from(1, 22);
  const auto options = begin_options(tokens, 40);
  terrace_sequence first{};
  ASSERT_EQ(terrace_sequence_begin(cache, &options, &first, nullptr), TERRACE_OK);
  ASSERT_EQ(terrace_sequence_append(first, tokens.data(), tokens.size()), TERRACE_OK);
  ASSERT_EQ(terrace_sequence_written(first, tokens.size()), TERRACE_OK);
  make_with_failures(cache, [&](terrace_sequence* made) {
    return terrace_sequence_begin(cache, &options, made, nullptr);
  });
  make_with_failures(
      cache, [&](terrace_sequence* made) { return terrace_sequence_fork(first, 40, made); });
  EXPECT_EQ(terrace_kv_close(cache), TERRACE_OK);
}

TEST(KvApiOutOfMemory, AResumeThatFailsLeavesItsSequencePaused) {
  const KvMachine machine;
  const terrace_kv cache = open_kv(machine.context);
  const Tokens tokens = tokens_from(1, 22);
  const auto options = begin_options({}, 40);
  terrace_sequence sequence{};
  ASSERT_EQ(terrace_sequence_begin(cache, &options, &sequence, nullptr), TERRACE_OK);
  ASSERT_EQ(terrace_sequence_append(sequence, tokens.data(), tokens.size()), TERRACE_OK);
  ASSERT_EQ(terrace_sequence_written(sequence, tokens.size()), TERRACE_OK);
  ASSERT_EQ(terrace_sequence_pause(sequence), TERRACE_OK);
  const Counts before(info_of(cache));
  bool failed = true;
  std::uint64_t refused = 0;
  for (std::uint64_t nth = 1; failed; ++nth) {
    terrace_status status = TERRACE_OK;
    {
      const NthNewFails failing(nth);
      status = terrace_sequence_resume(sequence, nullptr);
      failed = failing.failed();
    }
    EXPECT_EQ(info_of(sequence).tokens, tokens.size());
    if (status == TERRACE_OK) {
      ASSERT_EQ(terrace_sequence_pause(sequence), TERRACE_OK);
    } else {
      EXPECT_EQ(status, TERRACE_NO_MEMORY) << terrace_last_error();
      ++refused;
    }
    EXPECT_EQ(Counts(info_of(cache)), before) << "allocation " << nth;
  }
  EXPECT_GT(refused, 1u);
  EXPECT_EQ(terrace_kv_close(cache), TERRACE_OK);
}

}  // namespace
}  // namespace terrace::capi_test
