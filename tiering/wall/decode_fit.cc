// SPDX-License-Identifier: Apache-2.0
#include "tiering/wall/decode_fit.h"

#include <cmath>

namespace terrace::wall {

double achieved_gbps(const DecodeFit& fit, double peak_gbps, Unpacking unpacking) {
  const double share = unpacking == Unpacking::kHidden ? fit.hidden_share : fit.unpacking_share;
  const bool above = peak_gbps > fit.knee_gbps;
  return share * (above ? std::sqrt(peak_gbps * fit.knee_gbps) : peak_gbps);
}

double decode_seconds(const DecodeFit& fit, const DecodeDemand& demand) {
  const double starts = demand.layers * fit.layer_seconds;
  const double own =
      achieved_gbps(fit, demand.peak_gbps, unpacking_of(demand.kernels, demand.family));
  const bool split = demand.kernels == KernelClass::kHybrid && demand.accelerator_peak_gbps > 0;
  if (!split) return (demand.dense_bytes + demand.routed_bytes) / (own * 1e9) + starts;
  const double accelerator = achieved_gbps(fit, demand.accelerator_peak_gbps,
                                           unpacking_of(KernelClass::kGpu, demand.family));
  return demand.routed_bytes / (own * 1e9) + demand.dense_bytes / (accelerator * 1e9) + starts;
}

}  // namespace terrace::wall
