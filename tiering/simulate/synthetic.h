// SPDX-License-Identifier: Apache-2.0
// Decoding without an engine: workloads that are generated, each for one thing that placement must
// cope with. docs/simulator.md says what each stands for. Made by name from the command line.
// Thread-safe (no shared state); allocates.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "tiering/simulate/workload.h"

namespace terrace::simulate {

/// How far ahead the offline optimum may look with one placement.
enum class Constancy : std::uint8_t {
  kSteady = 0,    ///< heat does not change: one placement for the whole run
  kRegimes = 1,   ///< it changes every kRegimeSteps: one placement for each regime
  kChanging = 2,  ///< it changes all the time: a placement for each step
};
inline constexpr std::uint32_t kRegimeSteps = 100;

struct SyntheticSpec {
  std::string_view name;
  std::string_view summary;  ///< one line
  Constancy constancy;
  std::unique_ptr<Workload> (*make)(std::uint64_t seed);
};

std::span<const SyntheticSpec> synthetic_workloads();
/// nullptr when there is none of that name.
const SyntheticSpec* find_synthetic(std::string_view name);

std::unique_ptr<Workload> make_dense(std::uint64_t seed);
std::unique_ptr<Workload> make_mixture(std::uint64_t seed);
std::unique_ptr<Workload> make_growing_kv(std::uint64_t seed);
std::unique_ptr<Workload> make_sequences(std::uint64_t seed);
std::unique_ptr<Workload> make_zipf(std::uint64_t seed);
std::unique_ptr<Workload> make_shift(std::uint64_t seed);

}  // namespace terrace::simulate
