// SPDX-License-Identifier: Apache-2.0
// How fast KV blocks are kept in a prefix store and read back from it, in turn with plain I/O of as
// many bytes in the same folder. Kept: contents are durable, so the other side writes with
// pwrite() and fdatasync(), 64 MiB at a time like ours. Read: a block is leased, which verifies it,
// and copied to memory; the other side preads the same bytes; both from the page cache. Verified: a
// store is opened, until all that is in it counts; the other side reads its file; both after it was
// put out of the page cache.
//   prefix_store_benchmark [--json] [FOLDER]      FOLDER: /var/tmp; a tmpfs has everything in
//   memory
// Rounds alternate which side goes first; figures are medians.
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "allocators/kv/prefix_store.h"
#include "bench/micro/paired_rounds.h"

namespace terrace::bench {
namespace {

constexpr kv::Shape kShape{16, 32, KiB(32)};  // 1 MiB a block
constexpr std::uint32_t kBlocks = 128;
constexpr int kRounds = 7;

enum class Cache : std::uint8_t { kWarm, kCold };

[[noreturn]] void fail(const char* what, const char* text) {
  std::fprintf(stderr, "prefix_store_benchmark: %s: %s\n", what, text);
  std::exit(1);
}

template <typename Work>
double mib_per_second(Work work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  return kBlocks * static_cast<double>(kShape.block_bytes().value) / (1 << 20) / took.count();
}

void put_out_of_page_cache(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0 || fdatasync(file) != 0) fail(path.c_str(), std::strerror(errno));
  (void)posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
  close(file);
}

class Contents {
 public:
  Contents() : bytes_(kBlocks * kShape.block_bytes().value / 8) {
    std::uint64_t word = 1;
    for (std::uint64_t& at : bytes_) at = word = word * 6364136223846793005u + 1442695040888963407u;
    tokens_.resize(kShape.block_tokens);
  }
  std::vector<kv::StoredBlock> chain() const {
    std::vector<kv::StoredBlock> blocks;
    for (std::uint32_t i = 0; i < kBlocks; ++i) {
      kv::StoredBlock block;
      block.hash = i + 1;
      block.parent = i;
      block.position = i;
      block.tokens = tokens_;
      block.data = all().subspan(i * kShape.block_bytes().value, kShape.block_bytes().value);
      blocks.push_back(block);
    }
    return blocks;
  }
  std::span<const std::byte> all() const { return std::as_bytes(std::span(bytes_)); }

 private:
  std::vector<std::uint64_t> bytes_;
  std::vector<kv::Token> tokens_;
};

std::unique_ptr<kv::PrefixStore> open_store(const std::string& path) {
  kv::StoreOptions options;
  options.path = path;
  options.size = Bytes(2 * kBlocks * kShape.block_bytes().value);
  options.shape = kShape;
  auto store = kv::PrefixStore::open(options);
  if (!store) fail("store", store.error().message);
  (*store)->wait_restored();
  return std::move(*store);
}

double keep(const std::string& path, const Contents& contents) {
  std::filesystem::remove(path);
  const auto store = open_store(path);
  const std::vector<kv::StoredBlock> chain = contents.chain();
  return mib_per_second([&] {
    // As the cache does: 64 MiB a batch.
    for (std::size_t i = 0; i < chain.size(); i += 64) {
      if (!store->keep(std::span(chain).subspan(i, 64))) fail("keep", "failed");
    }
  });
}

double write_plain(const std::string& path, const Contents& contents) {
  std::filesystem::remove(path);
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  const auto size = static_cast<off_t>(contents.all().size());
  if (file < 0 || posix_fallocate(file, 0, size) != 0) fail(path.c_str(), std::strerror(errno));
  const double rate = mib_per_second([&] {
    for (off_t at = 0; at < size; at += 64 << 20) {
      if (pwrite(file, contents.all().data() + at, 64 << 20, at) != 64 << 20)
        fail("pwrite", "short");
      if (fdatasync(file) != 0) fail("fdatasync", std::strerror(errno));
    }
  });
  close(file);
  return rate;
}

double lease(const std::string& path, std::byte* to) {
  const auto store = open_store(path);
  return mib_per_second([&] {
    for (std::uint32_t i = 0; i < kBlocks; ++i) {
      const auto found = store->lease(i + 1);
      if (!found || !*found) fail("lease", "a block is missing");
      std::memcpy(to, (*found)->block().data.data(), kShape.block_bytes().value);
    }
  });
}

double verify(const std::string& path) {
  put_out_of_page_cache(path);
  return mib_per_second([&] {
    if (open_store(path)->stats().restored != kBlocks) fail("restore", "a block is missing");
  });
}

double read_plain(const std::string& path, Cache cache, std::byte* to) {
  if (cache == Cache::kCold) put_out_of_page_cache(path);
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const std::uint64_t block = kShape.block_bytes().value;
  const double rate = mib_per_second([&] {
    for (std::uint32_t i = 0; i < kBlocks; ++i) {
      if (pread(file, to, block, static_cast<off_t>(i * block)) != static_cast<ssize_t>(block)) {
        fail("pread", "short");
      }
    }
  });
  close(file);
  return rate;
}

/// In turn, the other one first from round to round.
template <typename Ours, typename Theirs>
void pair(PairedRounds& figures, int round, Ours ours, Theirs theirs) {
  const double first = round % 2 == 0 ? ours() : theirs();
  const double second = round % 2 == 0 ? theirs() : ours();
  figures.add(round % 2 == 0 ? first : second, round % 2 == 0 ? second : first);
}

std::vector<PairedRounds> measure(const std::string& folder) {
  const std::string store = folder + "/prefixes";
  const std::string plain = folder + "/plain";
  const Contents contents;
  std::vector<std::byte> to(kShape.block_bytes().value);
  PairedRounds kept("keep, durable", "MiB/s", Better::kMore);
  PairedRounds read("lease and copy, warm", "MiB/s", Better::kMore);
  PairedRounds verified("open and verify, cold", "MiB/s", Better::kMore);
  for (int round = 0; round < kRounds; ++round) {
    pair(
        kept, round, [&] { return keep(store, contents); },
        [&] { return write_plain(plain, contents); });
    pair(
        read, round, [&] { return lease(store, to.data()); },
        [&] { return read_plain(plain, Cache::kWarm, to.data()); });
    pair(
        verified, round, [&] { return verify(store); },
        [&] { return read_plain(plain, Cache::kCold, to.data()); });
  }
  return {kept, read, verified};
}

}  // namespace
}  // namespace terrace::bench

int main(int argc, char** argv) {
  using terrace::bench::PairedRounds;
  auto print = &PairedRounds::print_row;
  std::string in = "/var/tmp";
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--json") == 0) {
      print = &PairedRounds::print_json;
    } else if (argv[i][0] != '-') {
      in = argv[i];
    } else {
      std::fprintf(stderr, "usage: prefix_store_benchmark [--json] [FOLDER]\n");
      return 2;
    }
  }
  std::string folder = in + "/terrace-store-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) {
    std::fprintf(stderr, "prefix_store_benchmark: %s: %s\n", in.c_str(), std::strerror(errno));
    return 1;
  }
  for (const PairedRounds& figures : terrace::bench::measure(folder)) (figures.*print)();
  std::filesystem::remove_all(folder);
  return 0;
}
