// SPDX-License-Identifier: Apache-2.0
// A flat file with every part: what the fuzz programs damage. Allocates.
#pragma once

#include <cstdio>
#include <string>

#include "tests/unit/plan/plan_fixture.h"
#include "tiering/plan/flat_writer.h"

namespace terrace::fuzz {

inline std::string good_flat_plan() {
  const std::string path = fixture::temporary_path("fuzz.flat");
  const plan::Plan plan = fixture::small_plan();
  Topology machine = fixture::plan_machine();
  machine.tiers[1].backing = BackingKind::kDax;
  machine.tiers[1].path = "/dev/dax0.0";
  EXPECT_TRUE(plan::write_flat(path, machine, &plan, {}).ok());
  const std::string whole = fixture::file_bytes(path);
  std::remove(path.c_str());
  return whole;
}

}  // namespace terrace::fuzz
