// SPDX-License-Identifier: Apache-2.0
// Time to the first token of prompts of which a part is cached, many of them: predictions of the
// wall (predict.h) at the points of a grid, each made when it is first needed, and straight lines
// between them. For replays of traces, which ask a hundred thousand times.
// Not thread-safe; allocates. A prediction takes below a millisecond, a look-up some nanoseconds.
#pragma once

#include <cstddef>
#include <vector>

#include <terrace/result.h>

#include "tiering/wall/answer.h"

namespace terrace::wall {

class FirstTokenTable {
 public:
  FirstTokenTable(const FittedConstants& constants, WallMachine machine, ModelLoads model);

  /// Seconds of a prompt, nobody else on the machine. `reused` tokens of it need no work; one at
  /// least does. Error kInfeasible when the prompt does not fit into the machine.
  Result<double> seconds(double prompt_tokens, double reused_tokens);

  /// By how much of a first block's cost each block before it makes a block of `tokens` tokens
  /// dearer to compute: the flops of a prompt's next block at 32,768 tokens against those at none,
  /// as a straight line. 0 for a model whose shape is not public. Error: as of seconds().
  Result<double> recompute_growth(double block_tokens) const;
  /// Of one block of `tokens` tokens. Error: the model's shape is not public.
  Result<double> kv_bytes(double tokens) const;
  const WallMachine& machine() const { return machine_; }

 private:
  Result<double> at(std::size_t size, std::size_t share);

  Assumptions assumptions_;
  DecodeFit fit_;
  WallMachine machine_;
  ModelLoads model_;
  std::vector<double> grid_;  ///< by size and share; negative: not asked for yet
};

}  // namespace terrace::wall
