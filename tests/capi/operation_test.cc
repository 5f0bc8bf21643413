// SPDX-License-Identifier: Apache-2.0
// Lists of operations against a simple model: what each tensor holds, who is pinned, which handles
// have ended, and what the tiers must have in use. And the same operations by several threads.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <fstream>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <terrace/terrace.h>

namespace {

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kNear = 32 * kMiB;
constexpr std::uint64_t kFar = 48 * kMiB;

struct Known {
  terrace_tensor handle{};
  unsigned char* at = nullptr;
  std::uint64_t bytes = 0;
  unsigned char seed = 0;
  std::uint32_t pins = 0;
};

class Machine {
 public:
  Machine() {
    const std::string file =
        testing::TempDir() + "/terrace-operations-" + std::to_string(getpid()) + ".toml";
    std::ofstream(file) << "only = true\n"
                           "[[tier]]\nname = \"near\"\nkind = \"dram\"\nnodes = [0]\n"
                           "capacity = \"32MiB\"\nbandwidth = \"20GB/s\"\n"
                           "[[tier]]\nname = \"far\"\nkind = \"file\"\nbacking = \"dax\"\n"
                           "path = \"/dev/shm\"\ncapacity = \"48MiB\"\nbandwidth = \"2GB/s\"\n";
    terrace_options options{};
    options.struct_size = sizeof options;
    options.tiers_file = file.c_str();
    EXPECT_EQ(terrace_open(&options, &context), TERRACE_OK) << terrace_last_error();
    unlink(file.c_str());
  }
  ~Machine() { EXPECT_EQ(terrace_close(context), TERRACE_OK); }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  std::uint64_t used(std::uint32_t tier) const {
    terrace_tier_info info{};
    info.struct_size = sizeof info;
    EXPECT_EQ(terrace_get_tier(context, tier, &info), TERRACE_OK);
    return info.used_bytes;
  }

  terrace_context context{};
};

terrace_tensor_info info_of(terrace_tensor tensor) {
  terrace_tensor_info info{};
  info.struct_size = sizeof info;
  EXPECT_EQ(terrace_get_tensor(tensor, &info), TERRACE_OK) << terrace_last_error();
  return info;
}

void fill(const Known& known, std::uint64_t from) {
  for (std::uint64_t i = from; i < known.bytes; i += 512) {
    known.at[i] = static_cast<unsigned char>(known.seed + i / 512);
  }
}

bool holds(const Known& known, std::uint64_t bytes) {
  for (std::uint64_t i = 0; i < bytes; i += 512) {
    if (known.at[i] != static_cast<unsigned char>(known.seed + i / 512)) return false;
  }
  return true;
}

terrace_status begin_move(terrace_tensor tensor, std::mt19937& random, terrace_job& job) {
  terrace_move_options options{};
  options.struct_size = sizeof options;
  options.tier = random() % 2 == 0 ? "near" : "far";
  options.flags = random() % 2 == 0 ? TERRACE_MOVE_MAKE_ROOM : 0;
  options.priority = static_cast<std::int32_t>(random() % 3);
  return terrace_migrate(tensor, &options, &job);
}

/// One list of operations; every step is followed by the model.
class OperationList {
 public:
  explicit OperationList(unsigned seed) : random_(seed) {}

  void operate() {
    switch (random_() % 8) {
      case 0:
      case 1:
        return allocate();
      case 2:
        return free();
      case 3:
        return resize();
      case 4:
        return pin_or_unpin();
      case 5:
        return use_ended_handle();
      default:
        return move();
    }
  }

  void check() const {
    std::uint64_t on_tier[2] = {};
    for (const Known& known : alive_) {
      ASSERT_TRUE(holds(known, known.bytes));
      const terrace_tensor_info info = info_of(known.handle);
      ASSERT_EQ(info.bytes, known.bytes);
      ASSERT_EQ(info.address, known.at);
      ASSERT_EQ(info.pins, known.pins);
      ASSERT_EQ(info.tier_bytes[0] + info.tier_bytes[1] + info.other_bytes,
                (known.bytes + 2 * kMiB - 1) / (2 * kMiB) * (2 * kMiB));
      for (int i = 0; i < 2; ++i) on_tier[i] += info.tier_bytes[i];
    }
    ASSERT_EQ(machine_.used(0), on_tier[0]);
    ASSERT_EQ(machine_.used(1), on_tier[1]);
    ASSERT_LE(on_tier[0], kNear);
    ASSERT_LE(on_tier[1], kFar);
  }

 private:
  Known* any() { return alive_.empty() ? nullptr : &alive_[random_() % alive_.size()]; }

  std::uint64_t left() const { return kNear + kFar - machine_.used(0) - machine_.used(1); }

  void allocate() {
    Known known;
    known.bytes = 1 + random_() % (12 * kMiB);
    known.seed = static_cast<unsigned char>(random_());
    const double shares[] = {1.0 + static_cast<double>(random_() % 3), 1};
    terrace_tensor_options options{};
    options.struct_size = sizeof options;
    options.bytes = known.bytes;
    options.tier = random_() % 2 == 0 ? "near" : "far";
    if (random_() % 3 == 0) {
      options.tier = nullptr;
      options.shares = shares;
      options.share_count = 2;
    }
    const bool fits = (known.bytes + 2 * kMiB - 1) / (2 * kMiB) * (2 * kMiB) <= left();
    void* at = nullptr;
    const terrace_status made = terrace_allocate(machine_.context, &options, &known.handle, &at);
    ASSERT_EQ(made, fits ? TERRACE_OK : TERRACE_NO_ROOM) << terrace_last_error();
    if (!fits) return;
    known.at = static_cast<unsigned char*>(at);
    fill(known, 0);
    alive_.push_back(known);
  }

  void free() {
    Known* const known = any();
    if (known == nullptr) return;
    ASSERT_EQ(terrace_free(known->handle), known->pins != 0 ? TERRACE_BUSY : TERRACE_OK);
    if (known->pins != 0) return;
    ended_.push_back(known->handle);
    *known = alive_.back();
    alive_.pop_back();
  }

  void resize() {
    Known* const known = any();
    if (known == nullptr) return;
    const std::uint64_t bytes = 1 + random_() % (12 * kMiB);
    void* at = known->at;
    const terrace_status done = terrace_resize(known->handle, bytes, &at);
    if (known->pins != 0) {
      ASSERT_EQ(done, TERRACE_BUSY);
      return;
    }
    if (done == TERRACE_NO_ROOM) return;
    ASSERT_EQ(done, TERRACE_OK) << terrace_last_error();
    known->at = static_cast<unsigned char*>(at);
    ASSERT_TRUE(holds(*known, std::min(bytes, known->bytes)));
    for (std::uint64_t i = known->bytes; i < bytes; ++i) ASSERT_EQ(known->at[i], 0) << i;
    const std::uint64_t before = known->bytes;
    known->bytes = bytes;
    if (bytes > before) fill(*known, (before + 511) / 512 * 512);
  }

  void pin_or_unpin() {
    Known* const known = any();
    if (known == nullptr) return;
    if (random_() % 2 == 0) {
      ASSERT_EQ(terrace_pin(known->handle), TERRACE_OK);
      ++known->pins;
    } else {
      const bool pinned = known->pins != 0;
      ASSERT_EQ(terrace_unpin(known->handle), pinned ? TERRACE_OK : TERRACE_BAD_ARGUMENT);
      if (pinned) --known->pins;
    }
  }

  void use_ended_handle() {
    if (ended_.empty()) return;
    const terrace_tensor handle = ended_[random_() % ended_.size()];
    ASSERT_EQ(terrace_free(handle), TERRACE_BAD_HANDLE);
    ASSERT_EQ(terrace_touch(handle, 1, 1), TERRACE_BAD_HANDLE);
    ASSERT_EQ(terrace_resize(handle, 1, nullptr), TERRACE_BAD_HANDLE);
  }

  void move() {
    Known* const known = any();
    if (known == nullptr) return;
    terrace_next_use(known->handle, random_() % 4, 0);
    terrace_job job{};
    const terrace_status begun = begin_move(known->handle, random_, job);
    if (known->pins != 0) {
      ASSERT_EQ(begun, TERRACE_BUSY);
      return;
    }
    if (begun == TERRACE_UNSUPPORTED) return;  // no userfaultfd here
    ASSERT_EQ(begun, TERRACE_OK) << terrace_last_error();
    const terrace_status ended = terrace_job_wait(job, ~std::uint64_t{0});
    ASSERT_TRUE(ended == TERRACE_OK || ended == TERRACE_NO_ROOM) << terrace_last_error();
    ASSERT_EQ(terrace_job_end(job), TERRACE_OK);
    ASSERT_EQ(terrace_job_end(job), TERRACE_BAD_HANDLE);
  }

  Machine machine_;
  std::mt19937 random_;
  std::vector<Known> alive_;
  std::vector<terrace_tensor> ended_;
};

TEST(Operations, KeepToTheModelInAnyOrder) {
  for (unsigned seed = 1; seed <= 12 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    OperationList list(seed);
    for (int i = 0; i < 60 && !testing::Test::HasFailure(); ++i) {
      SCOPED_TRACE("operation " + std::to_string(i));
      list.operate();
      if (!testing::Test::HasFailure()) list.check();
    }
  }
}

/// Handles that all threads use and free; each gets what it may get and nothing worse.
class Shared {
 public:
  explicit Shared(terrace_context context) : context_(context) {}

  void work(unsigned seed) {
    std::mt19937 random(seed);
    for (int i = 0; i < 120; ++i) operate(random);
  }

  void free_all() {
    for (auto& handle : handles_) {
      terrace_tensor tensor{handle.load()};
      while (terrace_unpin(tensor) == TERRACE_OK) {
      }
      terrace_free(tensor);
    }
  }

  std::atomic<int> wrong{0};

 private:
  void expect(terrace_status got, std::initializer_list<terrace_status> allowed) {
    if (std::find(allowed.begin(), allowed.end(), got) != allowed.end()) return;
    ++wrong;
    ADD_FAILURE() << terrace_status_text(got) << ": " << terrace_last_error();
  }

  void allocate(std::atomic<std::uint64_t>& handle, std::mt19937& random) {
    terrace_tensor_options options{};
    options.struct_size = sizeof options;
    options.bytes = 1 + random() % (6 * kMiB);
    options.tier = random() % 2 == 0 ? "near" : "far";
    terrace_tensor tensor{};
    void* at = nullptr;
    const terrace_status made = terrace_allocate(context_, &options, &tensor, &at);
    expect(made, {TERRACE_OK, TERRACE_NO_ROOM});
    if (made != TERRACE_OK) return;
    static_cast<volatile char*>(at)[0] = 1;
    const terrace_tensor before{handle.exchange(tensor.id)};
    while (terrace_unpin(before) == TERRACE_OK) {
    }
    expect(terrace_free(before), {TERRACE_OK, TERRACE_BAD_HANDLE, TERRACE_BUSY});
  }

  void operate(std::mt19937& random) {
    std::atomic<std::uint64_t>& handle = handles_[random() % kHandles];
    const terrace_tensor tensor{handle.load()};
    terrace_job job{};
    terrace_tensor_info info{};
    info.struct_size = sizeof info;
    switch (random() % 9) {
      case 0:
      case 1:
        return allocate(handle, random);
      case 2:
        return expect(terrace_free(tensor), {TERRACE_OK, TERRACE_BAD_HANDLE, TERRACE_BUSY});
      case 3:
        return expect(terrace_get_tensor(tensor, &info), {TERRACE_OK, TERRACE_BAD_HANDLE});
      case 4:
        expect(terrace_step(context_), {TERRACE_OK});
        return expect(terrace_touch(tensor, 100, 10), {TERRACE_OK, TERRACE_BAD_HANDLE});
      case 5:
        if (terrace_pin(tensor) != TERRACE_OK) return;
        // Who replaces a tensor takes others' pins off it, and frees it.
        return expect(terrace_unpin(tensor),
                      {TERRACE_OK, TERRACE_BAD_ARGUMENT, TERRACE_BAD_HANDLE});
      case 6:
        return expect(terrace_resize(tensor, 1 + random() % (6 * kMiB), nullptr),
                      {TERRACE_OK, TERRACE_BAD_HANDLE, TERRACE_BUSY, TERRACE_NO_ROOM});
      default:
        break;
    }
    if (begin_move(tensor, random, job) != TERRACE_OK) return;
    if (random() % 3 == 0) expect(terrace_job_cancel(job), {TERRACE_OK});
    expect(terrace_job_wait(job, random() % 2 == 0 ? 0 : ~std::uint64_t{0}),
           {TERRACE_OK, TERRACE_NO_ROOM, TERRACE_CANCELLED, TERRACE_BUSY, TERRACE_TIMED_OUT});
    expect(terrace_job_end(job), {TERRACE_OK});
  }

  static constexpr int kHandles = 8;
  terrace_context context_;
  std::atomic<std::uint64_t> handles_[kHandles] = {};
};

void count_event(void* count, const terrace_event* event) {
  if (event->bytes != 0) static_cast<std::atomic<int>*>(count)->fetch_add(1);
}

TEST(Operations, OfSeveralThreadsOnTheSameTensorsLoseNothing) {
  Machine machine;
  std::atomic<int> events{0};
  ASSERT_EQ(terrace_set_event_handler(machine.context, &count_event, &events), TERRACE_OK);
  Shared shared(machine.context);
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < 4; ++i) threads.emplace_back([&shared, i] { shared.work(i + 1); });
  }
  shared.free_all();
  ASSERT_EQ(terrace_set_event_handler(machine.context, nullptr, nullptr), TERRACE_OK);
  EXPECT_EQ(shared.wrong, 0);
  EXPECT_EQ(machine.used(0), 0);
  EXPECT_EQ(machine.used(1), 0);
}

TEST(Operations, UnderACloseEndWithACode) {
  for (int round = 0; round < 10; ++round) {
    auto machine = std::make_unique<Machine>();
    const terrace_context context = machine->context;
    std::atomic<int> rounds{0};  // of all threads: the close comes while they are at it
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < 3; ++i) {
      threads.emplace_back([context, i, &rounds] {
        std::mt19937 random(i);
        terrace_tensor_options options{};
        options.struct_size = sizeof options;
        options.bytes = 4 * kMiB;
        for (terrace_status status = TERRACE_OK; status != TERRACE_BAD_HANDLE;) {
          terrace_tensor tensor{};
          status = terrace_allocate(context, &options, &tensor, nullptr);
          terrace_job job{};
          if (status == TERRACE_OK && begin_move(tensor, random, job) == TERRACE_OK) {
            (void)terrace_job_wait(job, ~std::uint64_t{0});
          }
          (void)terrace_free(tensor);
          rounds.fetch_add(1);
        }
      });
    }
    while (rounds.load() < 6) std::this_thread::yield();
    machine.reset();
    EXPECT_EQ(terrace_step(context), TERRACE_BAD_HANDLE);
  }
}

}  // namespace
