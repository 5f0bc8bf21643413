// SPDX-License-Identifier: Apache-2.0
// How fast decoding really reads: the predictor's four fitted constants and its formula
// (docs/memory-wall.md, ADR 23). Shared by the predictions and by the fit to published speeds.
// Pure functions: thread-safe, never allocate.
#pragma once

#include "tiering/wall/kernel_class.h"

namespace terrace::wall {

/// Shared by all hardware: nothing here belongs to one machine.
struct DecodeFit {
  double hidden_share = 0;     ///< of nominal bandwidth, where unpacking hides behind the reads
  double unpacking_share = 0;  ///< of nominal bandwidth, where it does not
  double knee_gbps = 0;        ///< nominal bandwidth of one processor above which gains shrink
  double layer_seconds = 0;    ///< per layer and step: starts and ends of kernels, synchronisation
  double spread = 0;           ///< four of five left-out speeds lie within this factor, e.g. 1.25
};

/// What one step reads and from where.
struct DecodeDemand {
  double dense_bytes = 0;   ///< weights that every token reads, and KV
  double routed_bytes = 0;  ///< experts that the batch touches
  double layers = 0;
  FormatFamily family = FormatFamily::kPlain;
  KernelClass kernels = KernelClass::kGpu;
  double peak_gbps = 0;              ///< nominal, of the memory that holds the weights
  double accelerator_peak_gbps = 0;  ///< kHybrid: of the memory that holds the dense ones; 0: none
};

/// What one processor draws from memory of this nominal bandwidth: the fitted share of it, and
/// above the knee the share of the geometric mean of knee and bandwidth.
double achieved_gbps(const DecodeFit& fit, double peak_gbps, Unpacking unpacking);

/// T = bytes / achieved bandwidth + layers * layer_seconds; a hybrid's two memories in turn.
double decode_seconds(const DecodeFit& fit, const DecodeDemand& demand);

}  // namespace terrace::wall
