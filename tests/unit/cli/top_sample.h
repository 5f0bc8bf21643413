// SPDX-License-Identifier: Apache-2.0
// An answer of a running program, made up, as the tests of `terrace top` take it.
#pragma once

#include <nlohmann/json.hpp>

namespace terrace::cli {

/// One object of 100 MiB wholly on dram, one of 10 MiB on both tiers.
inline nlohmann::ordered_json sample_answer() {
  return nlohmann::ordered_json::parse(R"({
    "pid": 4711, "program": "/usr/bin/llama-server", "stage": "running", "running_ms": 65000,
    "recording": false, "emulated": true, "placed_late": 1, "spilled_blocks": 0,
    "tiers": [
      {"name": "dram", "backing": "numa", "capacity_bytes": 1073741824, "used_bytes": 113246208},
      {"name": "slow", "backing": "emulated", "capacity_bytes": 8589934592, "used_bytes": 2097152,
       "delivered_bytes": 1000000000}],
    "live": {"objects": 2, "bytes": 115343360},
    "largest": [
      {"id": 1, "bytes": 104857600, "blocks": 50, "age_ms": 60000, "pages": "placed",
       "label": "weights.gguf", "tiers": [{"name": "dram", "blocks": 50}]},
      {"id": 2, "bytes": 10485760, "blocks": 5, "age_ms": 5000, "pages": "placed",
       "label": "make_cache < main",
       "tiers": [{"name": "dram", "blocks": 4}, {"name": "slow", "blocks": 1}]}],
    "messages": [{"age_ms": 61000, "text": "a plan for another machine"}]})");
}

}  // namespace terrace::cli
