// SPDX-License-Identifier: Apache-2.0
// A small model and machines for the wall's tests: sizes that are easily reckoned in one's head.
#pragma once

#include "tiering/wall/answer.h"

namespace terrace::wall::test {

/// No layers' time and shares of one, so that bandwidths are what is read.
inline FittedConstants plain_constants() {
  FittedConstants constants;
  constants.fit = {1.0, 1.0, 1e9, 0, 1.25};
  constants.compute_share = 1;
  constants.compute_spread = 2;
  return constants;
}

/// 8 GB of weights, 1 MB of KV a token, 16 Gflop a token.
inline ModelLoads small_model() {
  ModelLoads model;
  model.name = "small";
  model.weight_format = "f16";
  model.kv_format = "f16";
  model.decode = [](double context, double batch) -> Result<WallLoad> {
    WallLoad load;
    load.classes = {{"weights", 8e9, 8e9, 0},
                    {"kv", 1e6 * context * batch, 1e6 * context * batch, 0}};
    load.flops = 16e9 * batch;
    return load;
  };
  model.prompt = [](double tokens) -> Result<WallLoad> {
    WallLoad load;
    load.classes = {{"weights", 8e9, 8e9, 0}, {"kv", 1e6 * tokens, 0, 0}};
    load.flops = 16e9 * tokens;
    return load;
  };
  return model;
}

inline WallMachine machine(const std::string& name, double gbps, double gigabytes) {
  WallMachine made;
  made.name = name;
  made.kernels = KernelClass::kGpu;
  WallTier tier;
  tier.name = "memory";
  tier.nominal_gbps = gbps;
  tier.capacity_bytes = gigabytes * 1e9;
  made.tiers = {tier};
  made.flops = 16e12;
  return made;
}

}  // namespace terrace::wall::test
