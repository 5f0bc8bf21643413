// SPDX-License-Identifier: Apache-2.0
#include "tiering/simulate/synthetic.h"

#include <array>

namespace terrace::simulate {
namespace {

constexpr std::array kWorkloads = {
    SyntheticSpec{"dense", "a dense model: all weights are streamed every step", Constancy::kSteady,
                  make_dense},
    SyntheticSpec{"moe", "a mixture of 16 experts in 32 layers, 2 of them a step, unevenly popular",
                  Constancy::kSteady, make_mixture},
    SyntheticSpec{"kv", "a dense model with a KV cache that grows to the weights' size",
                  Constancy::kChanging, make_growing_kv},
    SyntheticSpec{"sequences",
                  "64 sequences, 16 of them decoding, each for about 32 steps at a time",
                  Constancy::kChanging, make_sequences},
    SyntheticSpec{"zipf", "256 reads a step, block popularity by Zipf's law, never changing",
                  Constancy::kSteady, make_zipf},
    SyntheticSpec{"shift",
                  "256 reads a step, nine of ten to a hot tenth that moves every 100 steps",
                  Constancy::kRegimes, make_shift},
};

}  // namespace

std::span<const SyntheticSpec> synthetic_workloads() {
  return kWorkloads;
}

const SyntheticSpec* find_synthetic(std::string_view name) {
  for (const SyntheticSpec& spec : kWorkloads) {
    if (spec.name == name) return &spec;
  }
  return nullptr;
}

}  // namespace terrace::simulate
