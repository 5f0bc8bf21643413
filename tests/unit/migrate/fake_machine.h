// SPDX-License-Identifier: Apache-2.0
// A machine of several NUMA nodes for the mover's unit tests. Its move call keeps to what
// do_pages_move of Linux 6.12 does: runs of one node, no status for a run in which a page stayed
// behind, nothing tried after it, huge pages moved by any of their addresses. The lab tests hold
// the same mover against real kernels. Thread-safe; its clock goes on only when somebody waits.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <vector>

#include "tiering/migrate/kernel.h"

namespace terrace::migrate {

class FakeMachine {
 public:
  static constexpr std::uint64_t kPage = 4096;

  struct State {
    int node = 0;          ///< or a negative errno that queries give
    int busy_for = 0;      ///< so many more migrations of it fail
    int refuses_with = 0;  ///< errno as its status
    bool moves = true;     ///< false: migrations fail for ever
  };

  /// For Mover::create.
  Kernel kernel();

  /// No memory, no quirks.
  void reset() {
    pages_.clear();
    huge_.clear();
    mappings_.clear();
    room_.clear();
    calls.clear();
  }
  /// Maps [at, at + size) with pages on `node`.
  void map(std::uintptr_t at, Bytes size, int node);
  /// Makes the block at `at` one huge page.
  void make_huge(std::uintptr_t at) { huge_.insert(at); }
  State& page(std::uintptr_t at) { return pages_.at(at); }
  int node_of(std::uintptr_t at) const { return pages_.at(at).node; }
  std::uint64_t pages_on(int node) const;
  void set_room(int node, std::uint64_t pages) { room_[node] = pages; }
  void set_free(int node, Bytes size) { free_[node] = size; }
  void set_distance(int from, int to, int distance) { distances_[{from, to}] = distance; }
  os::MappingFacts& mapping(std::size_t index) { return mappings_.at(index); }

  Nanoseconds now() const;
  void advance(Nanoseconds span);

  /// Runs inside each move call, before anything moves, without the machine's lock.
  std::function<void(int call)> on_move;
  /// Each of them an errno for the whole call, or 0.
  std::function<int()> move_error = [] { return 0; };
  std::function<int()> query_error = [] { return 0; };
  std::function<int()> prefer_error = [] { return 0; };
  Bytes pinned_for_dma;
  int huge_error = 0;

  struct Preferred {
    std::uintptr_t begin;
    Bytes size;
    std::uint64_t nodes;
  };
  std::vector<Preferred> preferred;
  std::vector<std::uint32_t> calls;  ///< addresses in each move call

 private:
  int query(const void* const* pages, std::uint32_t count, int* status);
  os::MoveCall move(const void* const* pages, std::uint32_t count, const int* nodes, int* status);
  int huge_blocks(const void* at, std::uint32_t blocks, std::uint64_t* bitmap);
  Result<RangeFacts> examine(std::uintptr_t begin, std::uintptr_t end);
  int isolate(std::uintptr_t at, int node);
  int migrate_run(int node);
  int migrate(std::uintptr_t at, int node);
  std::uintptr_t head_of(std::uintptr_t at) const;

  mutable std::mutex mutex_;
  std::map<std::uintptr_t, State> pages_;
  std::set<std::uintptr_t> huge_;
  std::vector<os::MappingFacts> mappings_;
  std::map<int, std::uint64_t> room_;
  std::map<int, Bytes> free_;
  std::map<std::pair<int, int>, int> distances_;
  std::set<std::uintptr_t> isolated_;
  std::vector<std::uintptr_t> run_;
  Nanoseconds now_{1'000'000};
};

}  // namespace terrace::migrate
