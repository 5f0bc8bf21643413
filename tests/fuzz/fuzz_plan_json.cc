// SPDX-License-Identifier: Apache-2.0
// Damaged plans: the reader must answer with an error or with a plan that the flat writer takes.
// A fixed number of mutations a run; the seed is printed, TERRACE_SEED repeats it.
#include <gtest/gtest.h>

#include "tests/fuzz/inputs.h"
#include "tests/fuzz/mutate.h"
#include "tests/unit/plan/plan_fixture.h"
#include "tiering/plan/plan_json.h"

namespace terrace::plan::fuzz_plan_json {
namespace {

TEST(FuzzPlanJson, ReadsOrRefusesWhateverIsDamaged) {
  const std::string whole = plan_to_json(fixture::moved_plan());
  fuzz::Mutator mutator(fuzz::logged_seed());
  for (int round = 0; round < 4000 && !testing::Test::HasFailure(); ++round) {
    fuzz::plan_json_input(mutator.damaged_text(whole));
  }
}

TEST(FuzzPlanJson, RefusesEveryPrefix) {
  const std::string whole = plan_to_json(fixture::small_plan());
  for (std::size_t cut = 0; cut + 2 < whole.size(); ++cut) {
    ASSERT_FALSE(plan_from_json(whole.substr(0, cut), "cut.json").ok()) << cut;
  }
}

}  // namespace
}  // namespace terrace::plan::fuzz_plan_json
