// SPDX-License-Identifier: Apache-2.0
#include "tiering/names/tensor_buffers.h"

#include <map>

namespace terrace::names {
namespace {

// Smaller allocations are no objects by default.
constexpr std::uint64_t kLeastTensor = 1 << 20;
constexpr double kLeastShare = 0.8;

}  // namespace

std::vector<TensorBuffer> match_tensor_buffers(const ModelTensors& model,
                                               const std::vector<BufferSize>& buffers) {
  std::map<std::uint64_t, std::vector<std::size_t>> tensors_of;
  double all = 0;
  for (std::size_t i = 0; i < model.tensors.size(); ++i) {
    const std::uint64_t bytes = model.tensors[i].bytes;
    if (bytes < kLeastTensor) continue;
    tensors_of[bytes].push_back(i);
    all += static_cast<double>(bytes);
  }
  std::map<std::uint64_t, std::vector<std::size_t>> buffers_of;
  for (std::size_t i = 0; i < buffers.size(); ++i) buffers_of[buffers[i].size.value].push_back(i);

  std::vector<TensorBuffer> matches;
  double found = 0;
  for (const auto& [bytes, tensors] : tensors_of) {
    const auto same = buffers_of.find(bytes);
    if (same == buffers_of.end() || same->second.size() != tensors.size()) continue;
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      matches.push_back({same->second[i], tensors[i]});
    }
    found += static_cast<double>(bytes) * static_cast<double>(tensors.size());
  }
  return all > 0 && found >= kLeastShare * all ? matches : std::vector<TensorBuffer>{};
}

}  // namespace terrace::names
