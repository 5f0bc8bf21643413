// SPDX-License-Identifier: Apache-2.0
// What `terrace wall` says about one model on one machine at one context and batch: speed, first
// token, what binds, what fits, energy and cost. Thread-safe; allocates its result; some tens of
// linear programmes, a few milliseconds.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <terrace/result.h>

#include "tiering/wall/fit_file.h"
#include "tiering/wall/predict.h"

namespace terrace::wall {

/// A language model in given formats, as loads.
struct ModelLoads {
  std::string name;
  std::string weight_format;
  std::string kv_format;
  std::string source;
  FormatFamily family = FormatFamily::kPlain;
  bool size_only = false;  ///< no public shape: weights alone are counted, KV is not
  /// Load of one step: `batch` sequences, each `context` tokens long.
  std::function<Result<WallLoad>(double context, double batch)> decode;
  /// Load of reading one prompt of that many tokens.
  std::function<Result<WallLoad>(double prompt)> prompt;
  /// The same with the KV of the first `reused` tokens there already; at least one token is left.
  std::function<Result<WallLoad>(double prompt, double reused)> prompt_behind = {};
};

/// A figure with the ends of its interval; four of five cases fall between them.
struct Estimate {
  double value = 0;
  double low = 0;
  double high = 0;
};

struct Fit {
  double largest_context = 0;  ///< at this batch; 0: not even the weights fit
  double largest_batch = 0;    ///< at this context
  /// Context at which a step reads as much KV as weights, at this batch; 0: never within kLongest.
  double kv_as_large_as_weights = 0;
};

/// No context is searched beyond this: 16 Mi tokens.
inline constexpr double kLongestContext = 16.0 * 1024 * 1024;
inline constexpr double kLargestBatch = 65536;

struct Answer {
  double context = 0;
  double batch = 0;
  std::uint64_t cxl_devices = 0;
  bool fits = false;
  double needed_bytes = 0;
  double capacity_bytes = 0;
  WallLoad load;
  // The rest means something only when it fits.
  StepPrediction step;
  Estimate tokens_per_second;  ///< of the whole batch
  StepPrediction prompt;
  Estimate first_token_seconds;       ///< of a prompt as long as the context
  double joules_per_token = 0;        ///< 0: the catalogue has no power for the machine
  double usd_per_million_tokens = 0;  ///< machine's price over kServiceYears; 0: no price known
};

/// Years of full use over which a machine's price is spread. Electricity is not in it.
inline constexpr double kServiceYears = 3;

/// A load that does not fit is an answer, not an error. Errors come from the model's shape.
Result<Answer> answer_for(const FittedConstants& constants, const WallMachine& machine,
                          const ModelLoads& model, double context, double batch);

Result<Fit> what_fits(const WallMachine& machine, const ModelLoads& model, double context,
                      double batch);

/// Tokens a second if every byte lay on this tier alone, whatever its capacity.
Result<double> speed_on_one_tier(const FittedConstants& constants, const WallMachine& machine,
                                 std::size_t tier, const ModelLoads& model, double context,
                                 double batch);

double capacity_of(const WallMachine& machine);

}  // namespace terrace::wall
