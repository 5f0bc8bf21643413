// SPDX-License-Identifier: Apache-2.0
// Damaged catalogue files: each reader answers with an error that names the file and a line, or
// with entries whose figures and loads are sound. A fixed number of mutants; TERRACE_SEED repeats a
// run.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <sstream>

#include "tests/fuzz/mutate.h"
#include "tiering/model/catalogue_readers.h"
#include "tiering/model/decode_load.h"

namespace terrace::model::fuzz_catalogue {
namespace {

std::string shipped(const std::string& name) {
  std::ifstream file(std::string(TERRACE_CATALOGUE_FOLDER) + "/" + name);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void expect_clear(const Error& error) {
  ASSERT_EQ(error.code, ErrorCode::kUsage);
  ASSERT_EQ(std::string(error.message).rfind("f.toml:", 0), 0u) << error.message;
}

void expect_sound(const TierModel& tier) {
  for (const double share : {0.0, 0.3, 0.5, 0.9, 1.0}) {
    const double gbps = tier.bandwidth(share).value;
    ASSERT_TRUE(std::isfinite(gbps) && gbps >= 0) << tier.name;
    if (tier.curve) {
      ASSERT_GT(tier.curve->latency_ns_at(share, GBps(gbps / 2)), 0);
    }
  }
}

void expect_sound(const LanguageModel& model) {
  const auto load =
      decode_load(model, *find_quantisation("q4_k_m"), **find_format("f16"), {1000, 3, {0.5}});
  ASSERT_TRUE(load.ok());
  ASSERT_TRUE(std::isfinite(load->flops) && load->flops > 0) << model.name;
  ASSERT_LE(load->of(MemoryClass::kWeight).read_bytes,
            load->of(MemoryClass::kWeight).resident_bytes * (1 + 1e-9));
  ASSERT_LE(load->of(MemoryClass::kExpert).read_bytes,
            load->of(MemoryClass::kExpert).resident_bytes * (1 + 1e-9));
}

TEST(FuzzCatalogue, TiersAreSoundOrRefused) {
  const std::string whole = shipped("tiers/host.toml");
  ASSERT_TRUE(parse_tiers(whole, "f.toml").ok());
  fuzz::Mutator mutator(fuzz::logged_seed());
  for (int round = 0; round < 1500 && !HasFatalFailure(); ++round) {
    const auto tiers = parse_tiers(mutator.damaged_text(whole), "f.toml");
    if (!tiers) {
      expect_clear(tiers.error());
      continue;
    }
    for (const TierModel& tier : *tiers) expect_sound(tier);
  }
}

TEST(FuzzCatalogue, MachinesAreSoundOrRefused) {
  const auto tiers = parse_tiers(
      shipped("tiers/host.toml") + shipped("tiers/cxl.toml") + shipped("tiers/accelerators.toml"),
      "f.toml");
  ASSERT_TRUE(tiers.ok()) << tiers.error().message;
  const std::string whole = shipped("machines/servers.toml");
  fuzz::Mutator mutator(fuzz::logged_seed());
  for (int round = 0; round < 1500 && !HasFatalFailure(); ++round) {
    const auto machines = parse_machines(mutator.damaged_text(whole), "f.toml", *tiers);
    if (!machines) {
      expect_clear(machines.error());
      continue;
    }
    for (const MachineModel& machine : *machines) {
      ASSERT_FALSE(machine.tiers.empty());
      for (const MachineTier& tier : machine.tiers) ASSERT_GT(tier.units, 0u);
    }
  }
}

TEST(FuzzCatalogue, ModelsAreSoundOrRefused) {
  fuzz::Mutator mutator(fuzz::logged_seed());
  for (const char* name : {"models/mixtures.toml", "models/openelm.toml"}) {
    const std::string whole = shipped(name);
    ASSERT_TRUE(parse_models(whole, "f.toml").ok());
    for (int round = 0; round < 1000 && !HasFatalFailure(); ++round) {
      const auto models = parse_models(mutator.damaged_text(whole), "f.toml");
      if (!models) {
        expect_clear(models.error());
        continue;
      }
      for (const LanguageModel& model : *models) expect_sound(model);
    }
  }
}

}  // namespace
}  // namespace terrace::model::fuzz_catalogue
