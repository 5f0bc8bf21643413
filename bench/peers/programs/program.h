// SPDX-License-Identifier: Apache-2.0
// What the allocation programs share: a seeded generator, so that each run does the same work, and
// the table that main() picks from. Programs return a checksum, which depends on what they read
// back from their blocks. No timing here: bench/peers/shim.sh measures the process.
#pragma once

#include <cstdint>
#include <thread>
#include <vector>

namespace terrace::peers {

/// SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t mixed = state_ += 0x9E3779B97F4A7C15u;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBu;
    return mixed ^ (mixed >> 31);
  }
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }

 private:
  std::uint64_t state_;
};

/// Runs body(index) on `threads` threads and sums what they return.
template <typename Body>
std::uint64_t on_threads(unsigned threads, Body body) {
  std::vector<std::uint64_t> sums(threads);
  std::vector<std::thread> running;
  for (unsigned i = 0; i < threads; ++i) {
    running.emplace_back([&sums, &body, i] { sums[i] = body(i); });
  }
  for (std::thread& thread : running) thread.join();
  std::uint64_t sum = 0;
  for (const std::uint64_t part : sums) sum += part;
  return sum;
}

std::uint64_t server();           ///< threads replace blocks at random and hand them to successors
std::uint64_t remote_free();      ///< one thread allocates, another frees
std::uint64_t cache_scratch();    ///< neighbours of small blocks written by different threads
std::uint64_t mixed_sizes();      ///< sizes over four decades, one thread
std::uint64_t mixed_sizes_two();  ///< the same on two threads
std::uint64_t numbers();          ///< short-lived numbers of arbitrary length
std::uint64_t text_index();       ///< maps of strings, built and torn down
std::uint64_t shared_graph();     ///< lists that threads exchange in turns, some blocks large
std::uint64_t growing_arrays();   ///< realloc from 1 KiB to 64 MiB
std::uint64_t staging();          ///< allocate, fill and free 1 to 64 MiB

}  // namespace terrace::peers
