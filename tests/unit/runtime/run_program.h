// SPDX-License-Identifier: Apache-2.0
// Runs a case of runtime_program under the real shim with a flat file of the test's making, and
// brings back its exit status, what it said and the runtime's summary.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tiering/plan/flat_writer.h"

namespace terrace::e2e {

struct Scenario {
  Topology topology;
  plan::RuntimeOptions options;
  const plan::Plan* plan = nullptr;
  std::vector<std::string> environment;  ///< KEY=VALUE, added
  bool as_nobody = false;                ///< without any right of root's
};

struct Outcome {
  int exit_status = -1;   ///< 128 + signal when killed
  std::string said;       ///< stdout and stderr
  nlohmann::json status;  ///< null when there is no summary
  std::uint64_t peak(const std::string& tier) const;
  std::uint64_t count(const char* key) const { return status.at(key).get<std::uint64_t>(); }
};

Tier plain_tier(const std::string& name, Bytes capacity);
Tier emulated_tier(const std::string& name, Bytes capacity, GBps bandwidth = GBps(20));
/// On a file or below a folder.
Tier dax_tier(const std::string& name, Bytes capacity, const std::string& path);
/// Tiers in their order; objects of 1 MiB and more are placed at once,
/// file mappings of 16 MiB and more copied.
Scenario scenario_of(std::vector<Tier> tiers);
Outcome run(const Scenario& scenario, const std::string& program_case);
/// A fresh directory for this test's files, removed by the caller's process at exit.
std::string scratch_directory();
/// A file of so many bytes, the same ones each time.
void write_random(const std::string& path, std::uint64_t bytes);

}  // namespace terrace::e2e
