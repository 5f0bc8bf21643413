// SPDX-License-Identifier: Apache-2.0
// Eight threads make random calls of the malloc family and of operator new, hand blocks to each
// other and check what they wrote. Sizes lie around the tests' threshold of 64 KiB, so that blocks
// become objects and ordinary again all the time.
// TERRACE_FUZZ_SECONDS bounds it; TERRACE_FUZZ_SEED repeats each thread's list of calls.
#include <malloc.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <random>
#include <thread>
#include <vector>

namespace {

constexpr std::size_t kThreads = 8;
constexpr std::size_t kSlots = 24;
constexpr std::size_t kPage = 4096;
constexpr std::size_t kLargest = std::size_t{3} << 20;

/// How a block was made, and so how it is given back.
enum class Maker : std::uint8_t { kNone, kMalloc, kNew, kNewArray, kNewAligned };

struct Block {
  unsigned char* memory = nullptr;
  std::size_t size = 0;
  std::uint64_t stamp = 0;
  std::size_t alignment = 16;
  Maker maker = Maker::kNone;
};

std::atomic<std::uint64_t> seed{0};
std::atomic<std::uint64_t> operations{0};
std::atomic<std::uint64_t> placed{0};

[[noreturn]] void fail(const char* what, const Block& block) {
  std::fprintf(stderr, "seed %llu: %s: %zu bytes at %p\n",
               static_cast<unsigned long long>(seed.load()), what, block.size,
               static_cast<void*>(block.memory));
  _exit(1);
}

void require(bool condition, const char* what, const Block& block) {
  if (!condition) fail(what, block);
}

/// A word at the beginning of each page and in the last bytes; small blocks whole.
template <typename Visit>
void for_each_word(const Block& block, std::size_t size, Visit visit) {
  if (size < 8) return;
  const std::size_t step = size < kPage ? 8 : kPage;
  for (std::size_t at = 0; at + 8 <= size; at += step) visit(block.memory + at, at);
  visit(block.memory + size - 8, size - 8);
}

void write(const Block& block) {
  // The last word may overlap the one before: written in the order in which they are checked.
  for_each_word(block, block.size, [&](unsigned char* at, std::size_t) {
    std::memcpy(at, &block.stamp, sizeof block.stamp);
  });
}

/// What the first `size` bytes of a block of `block.size` still have to hold.
void check(const Block& block, std::size_t size) {
  const std::size_t last = block.size < 8 ? 0 : block.size - 8;
  for_each_word(block, size, [&](const unsigned char* at, std::size_t offset) {
    const bool written =
        offset == last || (offset % (block.size < kPage ? 8 : kPage) == 0 && offset + 8 <= last);
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    if (written) require(word == block.stamp, "content lost", block);
  });
}

void check_zero(const Block& block) {
  for (std::size_t at = 0; at < block.size; at += 64) {
    require(block.memory[at] == 0, "calloc gave what was not zero", block);
  }
}

class Player {
 public:
  Player(std::uint64_t number, std::atomic<Block*>* exchange)
      : random_(seed + number * 7919), exchange_(exchange) {}

  void play_until(std::chrono::steady_clock::time_point end) {
    while (std::chrono::steady_clock::now() < end) {
      for (int i = 0; i < 50; ++i) turn();
      operations += 50;
    }
    for (Block& block : blocks_) give_back(block);
  }

 private:
  std::size_t below(std::size_t bound) { return random_() % bound; }

  std::size_t any_size() {
    switch (below(8)) {
      case 0:
        return below(3);
      case 1:
      case 2:
        return below(2000);
      case 3:
        return 65536 - 2 + below(5);
      case 4:
        return below(kLargest);
      default:
        return 30000 + below(100000);
    }
  }

  std::size_t any_alignment(std::size_t least) { return least << below(12); }

  void turn() {
    Block& block = blocks_[below(kSlots)];
    check(block, block.size);
    if (block.maker == Maker::kNone) {
      make(block);
    } else if (block.maker == Maker::kMalloc && below(3) == 0) {
      resize(block);
    } else if (below(4) == 0) {
      swap(block);
    } else {
      give_back(block);
    }
  }

  void make(Block& block) {
    block.size = any_size();
    block.alignment = 16;
    block.stamp = random_() * 0x9e3779b97f4a7c15ULL | 1;
    block.maker = Maker::kMalloc;
    errno = 4711;
    block.memory = static_cast<unsigned char*>(make_by_any(block));
    require(block.memory != nullptr, "no memory", block);
    require(errno == 4711, "success changed errno", block);
    const auto address = reinterpret_cast<std::uintptr_t>(block.memory);
    require(address % block.alignment == 0, "not aligned", block);
    placed += block.size >= 65536 && address % (std::uintptr_t{2} << 20) == 0 ? 1 : 0;
    write(block);
  }

  void* make_by_any(Block& block) {
    switch (below(12)) {
      case 0:
        return make_zeroed(block);
      case 1:
        return std::realloc(nullptr, block.size);
      case 2:
        return reallocarray(nullptr, block.size, 1);
      case 3:
        return make_aligned_by_posix(block);
      case 4:
        block.alignment = any_alignment(8);
        return memalign(block.alignment, block.size);
      case 5:
        block.alignment = any_alignment(8);
        return aligned_alloc(block.alignment, block.size);
      case 6:
        block.alignment = kPage;
        return valloc(block.size);
      case 7:
        block.alignment = kPage;
        return pvalloc(block.size);
      case 8:
        block.maker = Maker::kNew;
        return ::operator new(block.size);
      case 9:
        block.maker = Maker::kNewArray;
        return ::operator new[](block.size, std::nothrow);
      case 10:
        block.maker = Maker::kNewAligned;
        block.alignment = any_alignment(32);
        return ::operator new (block.size, std::align_val_t{block.alignment});
      default:
        return std::malloc(block.size);
    }
  }

  void* make_zeroed(Block& block) {
    const std::size_t count = 1 + below(16);
    block.size = block.size / count * count;
    block.memory = static_cast<unsigned char*>(std::calloc(count, block.size / count));
    if (block.memory != nullptr) check_zero(block);
    return block.memory;
  }

  void* make_aligned_by_posix(Block& block) {
    void* memory = nullptr;
    block.alignment = any_alignment(sizeof(void*));
    const int error = posix_memalign(&memory, block.alignment, block.size);
    require(error == 0, "posix_memalign failed", block);
    return memory;
  }

  void resize(Block& block) {
    const std::size_t size = any_size() + 1;
    void* const resized =
        below(2) == 0 ? std::realloc(block.memory, size) : reallocarray(block.memory, 1, size);
    require(resized != nullptr, "no memory to resize", block);
    block.memory = static_cast<unsigned char*>(resized);
    check(block, size < block.size ? size : block.size);
    block.size = size;
    require(malloc_usable_size(block.memory) >= size, "usable size is too small", block);
    write(block);
  }

  /// The block goes to whoever takes it next, and what lay there comes to us.
  void swap(Block& block) {
    auto* const given = new Block(block);
    Block* const taken = exchange_[below(kSlots)].exchange(given);
    block = taken == nullptr ? Block{} : *taken;
    delete taken;
    check(block, block.size);
  }

  void give_back(Block& block) {
    if (block.maker == Maker::kNone) return;
    check(block, block.size);
    errno = 4711;
    switch (block.maker) {
      case Maker::kNew:
        below(2) == 0 ? ::operator delete(block.memory)
                      : ::operator delete(block.memory, block.size);
        break;
      case Maker::kNewArray:
        ::operator delete[](block.memory, std::nothrow);
        break;
      case Maker::kNewAligned:
        ::operator delete (block.memory, block.size, std::align_val_t{block.alignment});
        break;
      default:
        std::free(block.memory);
    }
    require(errno == 4711, "giving back changed errno", block);
    block = Block{};
  }

  std::minstd_rand random_;
  std::atomic<Block*>* exchange_;
  Block blocks_[kSlots];
};

double number_from(const char* variable, double otherwise) {
  const char* const text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtod(text, nullptr);
}

}  // namespace

int main() {
  seed = static_cast<std::uint64_t>(
      number_from("TERRACE_FUZZ_SEED", static_cast<double>(std::random_device{}())));
  const std::chrono::duration<double> time(number_from("TERRACE_FUZZ_SECONDS", 10));
  const auto end = std::chrono::steady_clock::now() +
                   std::chrono::duration_cast<std::chrono::steady_clock::duration>(time);
  static std::atomic<Block*> exchange[kSlots];
  std::vector<std::thread> threads;
  for (std::uint64_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([i, end] { Player(i, exchange).play_until(end); });
  }
  for (std::thread& thread : threads) thread.join();
  std::printf("seed %llu: %llu operations, %llu blocks placed\n",
              static_cast<unsigned long long>(seed.load()),
              static_cast<unsigned long long>(operations.load()),
              static_cast<unsigned long long>(placed.load()));
  const bool objects_expected = std::getenv("TERRACE_EXPECT_OBJECTS") != nullptr;
  if (operations == 0 || (objects_expected && placed == 0)) {
    std::fputs("nothing was tested\n", stderr);
    return 1;
  }
  return 0;
}
