// SPDX-License-Identifier: Apache-2.0
// A machine as the predictor sees it: tiers with what they can deliver, compute, price. Made from
// the catalogue by from_catalogue.h; tests make their own. Plain values.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tiering/wall/kernel_class.h"

namespace terrace::wall {

struct WallTier {
  std::string name;
  std::string kind;  ///< "hbm", "dram", "cxl", ...
  double capacity_bytes = 0;
  double nominal_gbps = 0;       ///< of all its units together; 0: only the measured one is known
  double measured_gbps = 0;      ///< read-only, all threads; 0: only the nominal one is known
  double link_gbps = 0;          ///< of the link that the reader sits behind; 0: none
  double idle_latency_ns = 0;    ///< 0: not known
  double loaded_latency_ns = 0;  ///< at full read bandwidth; 0: not known
  double processors = 1;         ///< that share its bandwidth, each with a knee of its own
  std::size_t group = 0;         ///< as TierRoom::group
  bool host_kernels = false;     ///< kHybrid: what lies here is computed on the cores
  std::string source;            ///< of the bandwidth
  std::string how;               ///< "measured", "nominal", "derived"
};

struct WallMachine {
  std::string name;
  KernelClass kernels = KernelClass::kHost;
  std::vector<WallTier> tiers;  ///< fastest first
  /// Nominal flops a second for a weight format's arithmetic; 0: not known.
  double flops = 0;
  std::string flops_source;
  double power_watts = 0;  ///< 0: not known
  std::string power_source;
  double price_usd = 0;  ///< 0: not known
  std::string price_source;
};

/// Everything that a step or a prompt moves and computes.
struct WallLoad {
  struct Class {
    std::string name;  ///< weights, experts, embedding, kv, activations
    double resident = 0;
    double read = 0;
    double written = 0;
  };
  std::vector<Class> classes;
  double flops = 0;
  double layers = 0;
  double read() const;
  double resident() const;
  double read_of(std::string_view name) const;
};

}  // namespace terrace::wall
