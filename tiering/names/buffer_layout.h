// SPDX-License-Identifier: Apache-2.0
// Where the tensors of a model lie: exactly in a mapping of the file, by order and size in a buffer
// that an engine filled. Second step of naming. Pure functions: thread-safe; allocate.
//
// llama.cpp puts all tensors of one buffer type into one allocation, in the order in which its code
// creates them (embedding, output norm, output, then layer by layer), each rounded up to 32 bytes
// (ggml/src/ggml-alloc.c, ggml-cpu.cpp: TENSOR_ALIGNMENT). Repacking changes the order of the
// values within a tensor, not its size, and takes matrices of certain formats only. Which tensors a
// buffer holds is therefore one of few sets; a set counts when it fills the buffer to within one
// 64-byte line. Order is known from the engine's code, not seen: hence a confidence below 100.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <terrace/result.h>

#include "tiering/names/model_tensors.h"

namespace terrace::names {

/// A mapping of `file` (an index) from `offset` on: its tensors, cut where the mapping ends. An
/// expert is a range of its own.
std::vector<session::NamedRange> ranges_of_mapping(const ModelTensors& model, std::size_t file,
                                                   std::uint64_t offset, Bytes size);

/// The tensors of a buffer of `size` bytes. Error kUsage, with the reason: no set of tensors fills
/// it, or several that differ do.
Result<std::vector<session::NamedRange>> ranges_of_buffer(const ModelTensors& model, Bytes size);

/// A buffer for one tensor, as engines that allocate each tensor apart have.
std::vector<session::NamedRange> ranges_of_tensor(const ModelTensor& tensor,
                                                  std::uint8_t confidence);

}  // namespace terrace::names
