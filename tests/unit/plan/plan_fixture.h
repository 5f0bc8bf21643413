// SPDX-License-Identifier: Apache-2.0
// A small plan with every field set, its machine, and files for the tests of the plan's formats.
// Allocates.
#pragma once

#include <cstdio>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "tests/unit/plan/heat_fixture.h"
#include "tiering/plan/plan.h"

namespace terrace::fixture {

inline Topology plan_machine() {
  Topology machine = make_machine({make_tier("ddr", 100, 10.5), make_tier("cxl", 200, 2.25)});
  machine.tiers[1].kind = TierKind::kCxl;
  machine.tiers[1].backing = BackingKind::kEmulatedLink;
  machine.tiers[1].nodes = {NodeId(1), NodeId(70)};
  machine.tiers[1].idle_latency = {Nanoseconds(400), Provenance::kHmat};
  machine.tiers[1].loaded_latency = {Nanoseconds(900), Provenance::kGuess};
  return machine;
}

inline plan::Plan small_plan() {
  plan::Plan plan;
  plan.machine_id = plan_machine().machine_id;
  plan.executable = "/usr/bin/engine";
  plan.emulated = true;
  plan.made_from = "/tmp/session.terrace";
  plan.tiers = plan_machine().tiers;
  plan.recorded_step_seconds = 0.1 / 3;
  plan.notes = {"a note"};
  plan.all_fast = {0.031, 0.03, {0.029, 0}};
  plan.bound = {0.032, 0.03, {0.02, 0.01}};
  plan.planned = {0.033, 0.03, {0.021, 0.012}};
  plan.first_touch = {0.05, 0.03, {0.022, 0.04}};
  plan.interleave = {0.06, 0.03, {0.015, 0.06}};
  plan.weighted = {0.04, 0.03, {0.023, 0.03}};
  plan.objects.push_back({{0x00ab12cd34ef5678, 5 * kBlockBytes.value, 0, Origin::kHeap},
                          "weights",
                          {0.6, 0.4},
                          {0, 0, 1, 0, 1},
                          5 * kBlock,
                          {3 * kBlock, 2 * kBlock}});
  plan.objects.push_back({{0xffffffffffffffff, 5 * kBlockBytes.value, 1, Origin::kFile},
                          "model.gguf",
                          {0, 1},
                          {1, 1, 1, 1, 1},
                          0,
                          {0, 0}});
  return plan;
}

/// The same as made from a present placement under rules.
inline plan::Plan moved_plan() {
  plan::Plan plan = small_plan();
  plan.rules = {{plan::RuleKind::kPin, "weights", "ddr"},
                {plan::RuleKind::kForbid, "origin:file", "ddr"}};
  plan.moves = plan::Moves{"old.json", 60, {0.04, 0.03, {0.02, 0.03}}, 6 << 20, 0.5};
  return plan;
}

inline std::string temporary_path(const std::string& name) {
  return testing::TempDir() + "/" + std::to_string(std::random_device{}()) + "-" + name;
}

inline std::string file_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace terrace::fixture
