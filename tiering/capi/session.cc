// SPDX-License-Identifier: Apache-2.0
// What a context hands to its session of told use (told_session.h): tensors when they come, change
// and go, and records when one is due. The session's lock comes before memory_lock_.
#include <algorithm>
#include <new>

#include "tiering/capi/context.h"

namespace terrace::capi {
namespace {

/// A tensor comes and goes, whether there is memory to write that down or not.
template <typename Body>
void unless_out_of_memory(Body body) {
  try {
    body();
  } catch (const std::bad_alloc&) {
    return;
  }
}

}  // namespace

/// The tier of each block; of adopted memory the kernel tells how much is where, not which, so that
/// its blocks are shared out in the tiers' order. Under memory_lock_.
std::vector<std::uint8_t> Context::tiers_for_session(const Tensor& tensor) const {
  const auto blocks = static_cast<std::uint32_t>(blocks_for(tensor.bytes));
  if (!tensor.adopted) {
    if (tensor.object == nullptr) return {};
    const std::uint8_t* const tiers = memory_->arena.tiers_of(*tensor.object);
    return {tiers, tiers + std::min(blocks, tensor.object->block_count)};
  }
  constexpr std::uint32_t kSamples = 256;
  std::uint32_t found[TERRACE_MAX_TIERS] = {};
  std::uint32_t absent = 0;
  adopted_places(tensor, kSamples, found, absent);
  std::uint64_t all = 0;
  for (std::uint32_t i = 0; i < tier_count(); ++i) all += found[i];
  std::vector<std::uint8_t> tiers(blocks, extent::kNoTier);
  std::uint64_t sum = 0;
  std::uint64_t begin = 0;
  for (std::uint32_t i = 0; i < tier_count() && all != 0; ++i) {
    sum += found[i];
    const std::uint64_t end = sum * blocks / all;
    std::fill(tiers.begin() + static_cast<std::ptrdiff_t>(begin),
              tiers.begin() + static_cast<std::ptrdiff_t>(end), static_cast<std::uint8_t>(i));
    begin = end;
  }
  return tiers;
}

void Context::tell_birth(Tensor& tensor) {
  if (session_ == nullptr) return;
  unless_out_of_memory([&] {
    std::vector<std::uint8_t> tiers;
    {
      const std::lock_guard lock(memory_lock_);
      tiers = tiers_for_session(tensor);
    }
    session_->born(tensor, std::move(tiers));
  });
}

void Context::tell_end(Tensor& tensor) {
  if (session_ == nullptr) return;
  unless_out_of_memory([&] { session_->ended(tensor); });
}

/// An object of a session keeps its size, so another one takes its place.
void Context::tell_resize(Tensor& tensor) {
  tell_end(tensor);
  tell_birth(tensor);
}

std::vector<PlacedTensor> Context::placed_tensors() {
  std::vector<PlacedTensor> placed;
  for (TensorRef& tensor : tensors_.all()) {
    const std::lock_guard lock(memory_lock_);
    placed.push_back({tensor, tiers_for_session(*tensor)});
  }
  return placed;
}

void Context::tell_step(std::uint64_t complete) {
  if (!session_->step_is_due(complete)) return;
  session_->record(placed_tensors(), ToldSession::Boundary::kWholeStep, complete);
}

void Context::tell_touch() {
  if (!session_->touched()) return;
  session_->record(placed_tensors(), ToldSession::Boundary::kNone, 0);
}

void Context::end_session() {
  if (session_ == nullptr) return;
  unless_out_of_memory(
      [&] { session_->finish(placed_tensors(), step_.load(std::memory_order_relaxed)); });
  session_.reset();
}

}  // namespace terrace::capi
