// SPDX-License-Identifier: Apache-2.0
// Every crash that the store's order of stores permits, as far as they can be tried: all stores and
// drains of a writing store are recorded; then, for each span between two drains, pools are made in
// which any of the span's words are there and the others are not, and are opened. A record must be
// whole or absent, and the checksum must have found nothing: the order alone has to do it. This
// stands in for pmemcheck, which the valgrind of Debian does not have.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <random>
#include <set>
#include <span>

#include "allocators/kv/prefix_store.h"
#include "tests/logged_seed.h"
#include "tests/unit/kv_store/store_rig.h"

namespace terrace::kv {
namespace {

using namespace testing_support;

constexpr Shape kShape{16, 2, KiB(256)};
constexpr const char* kPlace = "/dev/shm";
constexpr int kImagesOfASpan = 24;

struct Word {
  std::uint64_t offset;  ///< in the pool
  std::uint64_t value;
};
using Span = std::vector<Word>;  ///< stores between two drains, in their order

struct Recording {
  std::vector<Span> spans;
  Span open;
};

enum class Drains : std::uint8_t {
  kAll,
  kForgetSecond,  ///< that between a record and its state: the check must notice
};

/// The real medium, and a note of what it was asked to do.
class Recorder : public StoreMedium {
 public:
  Recorder(std::byte* base, Bytes size, Recording& recording, Drains drains)
      : real_(medium_of(base, size)), base_(base), recording_(recording), drains_(drains) {}
  void copy(void* to, const void* from, Bytes size) override {
    ASSERT_EQ(size.value % 8, 0u);
    for (std::uint64_t at = 0; at < size.value; at += 8) {
      std::uint64_t value = 0;
      std::memcpy(&value, static_cast<const std::byte*>(from) + at, 8);
      note(static_cast<std::byte*>(to) + at, value);
    }
    real_->copy(to, from, size);
  }
  void store_word(std::uint64_t* to, std::uint64_t value) override {
    note(to, value);
    real_->store_word(to, value);
  }
  Status drain() override {
    const bool forget = drains_ == Drains::kForgetSecond && ++drained_ % 2 == 0;
    if (!forget) recording_.spans.push_back(std::exchange(recording_.open, {}));
    return real_->drain();
  }
  bool by_msync() const override { return real_->by_msync(); }

 private:
  void note(const void* to, std::uint64_t value) {
    const auto offset = static_cast<std::uint64_t>(static_cast<const std::byte*>(to) - base_);
    recording_.open.push_back({offset, value});
  }

  std::unique_ptr<StoreMedium> real_;
  std::byte* base_;
  Recording& recording_;
  Drains drains_;
  std::uint64_t drained_ = 0;
};

std::vector<char> bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void apply(std::vector<char>& image, const Word& word) {
  std::memcpy(image.data() + word.offset, &word.value, sizeof word.value);
}

/// What one call of keep() did, and what must be there before and after it.
struct Call {
  std::vector<Span> spans;
  std::set<ChainHash> before;
  std::set<ChainHash> after;
};

/// A load with replacements: chains of four, kept in two calls each, in a pool of few places.
class Load {
 public:
  explicit Load(Drains drains) {
    StoreOptions options = options_for(folder_.file(), MiB(9), kShape);
    options.make_medium = [this, drains](std::byte* at, Bytes size) {
      return std::make_unique<Recorder>(at, size, recording_, drains);
    };
    const auto store = opened(options);
    base = bytes_of(options.path);
    recording_ = {};
    const std::uint64_t chains = store->stats().capacity_blocks / 4 + 3;
    for (std::uint64_t chain = 1; chain <= chains; ++chain) {
      run(*store, Chain(kShape, chain, 0, 2), chains);
      run(*store, Chain(kShape, chain, 2, 4), chains);
    }
    end = bytes_of(options.path);
  }
  std::vector<Call> calls;
  std::vector<char> base;
  std::vector<char> end;

 private:
  static std::set<ChainHash> there(const PrefixStore& store, std::uint64_t chains) {
    std::set<ChainHash> hashes;
    for (std::uint64_t chain = 1; chain <= chains; ++chain) {
      for (std::uint32_t i = 0; i < 4; ++i) {
        if (store.contains(hash_of(chain, i))) hashes.insert(hash_of(chain, i));
      }
    }
    return hashes;
  }
  void run(PrefixStore& store, const Chain& chain, std::uint64_t chains) {
    Call call;
    call.before = there(store, chains);
    EXPECT_EQ(keep(store, chain.blocks), 2u);
    call.after = there(store, chains);
    call.spans = std::exchange(recording_.spans, {});
    calls.push_back(std::move(call));
  }
  Folder folder_{kPlace};
  Recording recording_;
};

/// Which of a span's words are there: all, none, then by chance, ever other shares of them, and
/// in whole runs as well as word by word. The last ones are the states, and the heads come first.
std::vector<char> image_of(const std::vector<char>& durable, const Span& span, int number,
                           std::mt19937_64& random) {
  std::vector<char> image = durable;
  const std::uint64_t share = number == 0 ? 0 : number == 1 ? 256 : random() % 257;
  const std::uint64_t run = std::uint64_t{1} << (number % 3 * 4);
  bool take = false;
  for (std::size_t i = 0; i < span.size(); ++i) {
    // The few first words of a head and lone words are chosen one by one, whatever the runs.
    if (i % run == 0 || span.size() < 16) take = random() % 256 < share;
    if (take) apply(image, span[i]);
  }
  return image;
}

struct Verdict {
  std::uint64_t images = 0;
  std::uint64_t wrong = 0;    ///< images with a record that only its checksum gave away
  std::uint64_t missing = 0;  ///< acknowledged records that were not there
};

class Checker {
 public:
  void check(const std::vector<char>& image, const std::set<ChainHash>& required) {
    {
      std::ofstream file(options_.path, std::ios::binary | std::ios::trunc);
      file.write(image.data(), static_cast<std::streamsize>(image.size()));
    }
    const auto store = opened(options_);
    ASSERT_NE(store, nullptr);
    ++verdict.images;
    if (store->stats().corrupt != 0) ++verdict.wrong;
    for (std::uint64_t chain = 1; chain <= 12; ++chain) {
      for (std::uint32_t i = 0; i < 4; ++i) {
        const bool there = holds(*store, kShape, chain, i);
        if (!there && required.contains(hash_of(chain, i))) ++verdict.missing;
      }
    }
  }
  Verdict verdict;

 private:
  Folder folder_{kPlace};
  StoreOptions options_ = options_for(folder_.file("image"), MiB(9), kShape);
};

Verdict try_crashes(Drains drains, int images) {
  const Load load(drains);
  std::mt19937_64 random(terrace::testing_support::logged_seed());
  std::vector<char> durable = load.base;
  Checker checker;
  for (const Call& call : load.calls) {
    // What the call replaces may be gone in any of its crashes, what it leaves may not.
    std::set<ChainHash> required;
    for (const ChainHash hash : call.before) {
      if (call.after.contains(hash)) required.insert(hash);
    }
    for (const Span& span : call.spans) {
      for (int i = 0; i < images; ++i) {
        checker.check(image_of(durable, span, i, random), required);
      }
      for (const Word& word : span) apply(durable, word);
    }
    checker.check(durable, call.after);
  }
  if (drains == Drains::kAll) {
    // Nothing was stored past the recorder, but what libpmemobj changed when the pool opened.
    EXPECT_TRUE(std::equal(durable.begin(), durable.end(), load.end.begin(), load.end.end()));
  }
  return checker.verdict;
}

TEST(StoreCrash, LeavesRecordsWholeOrAbsentInEveryPermittedOrder) {
  const Verdict verdict = try_crashes(Drains::kAll, kImagesOfASpan);
  EXPECT_GT(verdict.images, 300u);
  EXPECT_EQ(verdict.wrong, 0u) << "of " << verdict.images;
  EXPECT_EQ(verdict.missing, 0u) << "of " << verdict.images;
}

TEST(StoreCrash, CheckNoticesAMissingDrain) {
  const Verdict verdict = try_crashes(Drains::kForgetSecond, 12);
  EXPECT_GT(verdict.wrong, 0u) << "of " << verdict.images;
}

}  // namespace
}  // namespace terrace::kv
