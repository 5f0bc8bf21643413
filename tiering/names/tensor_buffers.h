// SPDX-License-Identifier: Apache-2.0
// Which buffer holds which tensor, in engines that allocate each tensor apart (PyTorch reading a
// checkpoint): by size, and among equals by order. Part of naming. Pure functions: thread-safe;
// allocate.
#pragma once

#include <cstdint>
#include <vector>

#include "tiering/names/model_tensors.h"

namespace terrace::names {

/// Size says which kind of tensor it is; which of several equal ones is only likely.
inline constexpr std::uint8_t kTensorBufferConfidence = 50;

struct BufferSize {
  std::uint64_t object = 0;
  Bytes size;
};

struct TensorBuffer {
  std::size_t buffer = 0;  ///< index in the buffers
  std::size_t tensor = 0;  ///< index in the model's tensors
};

/// `buffers` in order of birth. A size counts when as many buffers have it as tensors. Empty, which
/// is a refusal, unless four fifths of the bytes of tensors of 1 MiB and more are found so.
std::vector<TensorBuffer> match_tensor_buffers(const ModelTensors& model,
                                               const std::vector<BufferSize>& buffers);

}  // namespace terrace::names
