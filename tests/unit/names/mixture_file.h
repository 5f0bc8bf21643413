// SPDX-License-Identifier: Apache-2.0
// A small mixture of two layers as GGUF, its tensors listed in another order than the engine's.
// Allocates.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/unit/model/gguf_file.h"

namespace terrace::fixture {

struct FileTensor {
  std::string name;
  std::vector<std::uint64_t> shape;
  std::uint32_t type;  ///< 0: F32, 2: Q4_0
  std::uint64_t bytes;
};

/// Sizes differ, so that a wrong order shows.
inline std::vector<FileTensor> mixture_tensors() {
  std::vector<FileTensor> tensors;
  tensors.push_back({"output.weight", {64, 32}, 2, 1152});
  tensors.push_back({"output_norm.weight", {64}, 0, 256});
  for (const std::string layer : {"blk.0.", "blk.1."}) {
    tensors.push_back({layer + "ffn_up_exps.weight", {64, 32, 4}, 2, 4608});
    tensors.push_back({layer + "ffn_gate_inp.weight", {64, 4}, 0, 1024});
    tensors.push_back({layer + "attn_q.weight", {64, 64}, 2, 2304});
    tensors.push_back({layer + "attn_norm.weight", {64}, 0, 256});
  }
  tensors.push_back({"token_embd.weight", {64, 96}, 2, 3456});
  return tensors;
}

inline std::string gguf_of(const std::vector<FileTensor>& tensors,
                           const std::string& architecture = "llama") {
  GgufBytes file;
  file.preamble(tensors.size(), 1).string_pair("general.architecture", architecture);
  std::uint64_t offset = 0;
  for (const FileTensor& tensor : tensors) {
    file.tensor(tensor.name, tensor.shape, tensor.type, offset);
    offset += (tensor.bytes + 31) / 32 * 32;
  }
  return file.data(offset).bytes();
}

}  // namespace terrace::fixture
