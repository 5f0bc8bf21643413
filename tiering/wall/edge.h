// SPDX-License-Identifier: Apache-2.0
// Device or cloud: which requests are answered sooner, or cheaper, by the device at hand and which
// by a machine behind a network. Used by `terrace wall edge`. Thread-safe; allocates.
#pragma once

#include <cstdint>
#include <vector>

#include <terrace/result.h>

#include "tiering/wall/answer.h"

namespace terrace::wall {

struct Network {
  double latency_seconds = 0;  ///< one way
  double bytes_per_second = 0;
  /// What the cloud asks for an hour of the whole machine; 0: the machine's price over its service
  /// years where the catalogue has one.
  double usd_per_hour = 0;
  double usd_per_kwh = 0;  ///< that the device's owner pays
  double cloud_batch = 1;  ///< sequences that share the cloud machine's steps
};

struct Request {
  double prompt = 0;  ///< tokens
  double output = 0;  ///< tokens
};

enum class Winner : std::uint8_t {
  kDevice = 0,
  kCloud = 1,
  kUnknown = 2,  ///< a figure is missing
};
const char* name_of(Winner winner);

/// What one request takes in one place.
struct Service {
  bool fits = false;
  double first_token_seconds = 0;  ///< network included
  double whole_seconds = 0;        ///< until the last token is here
  double tokens_per_second = 0;    ///< of this one sequence
  double usd = -1;                 ///< negative: not known
};

struct EdgeRow {
  Request request;
  Service device;
  Service cloud;
  Winner sooner = Winner::kUnknown;
  Winner cheaper = Winner::kUnknown;
  /// Output length above which the other place is sooner; 0: the same one wins at every length.
  double crossover_output = 0;
};

struct EdgeSide {
  const WallMachine& machine;
  const ModelLoads& model;  ///< the two sides may run different formats
};

/// Context is prompt and output together; a request's speed is that at its middle.
Result<EdgeRow> weigh(const FittedConstants& constants, const EdgeSide& device,
                      const EdgeSide& cloud, const Network& network, const Request& request);

}  // namespace terrace::wall
