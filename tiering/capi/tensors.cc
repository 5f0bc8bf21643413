// SPDX-License-Identifier: Apache-2.0
// A tensor from its options to its memory, and back.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <utility>

#include "allocators/base/block_bytes.h"
#include "allocators/extent/stripe.h"
#include "allocators/os/mapping.h"
#include "tiering/capi/context.h"

namespace terrace::capi {
namespace {

constexpr std::uint64_t kMostAlignment = GiB(1).value;
constexpr std::size_t kMostName = 127;

terrace_status check_shape(const terrace_tensor_options& options) {
  if (options.kind < 0 || options.kind >= TERRACE_CLASS_COUNT) {
    return fail(TERRACE_BAD_ARGUMENT, "terrace_tensor_options.kind is %d, which is no class",
                options.kind);
  }
  if (options.bytes == 0) {
    return fail(TERRACE_BAD_ARGUMENT, "terrace_tensor_options.bytes is 0; a tensor has some");
  }
  if (options.bytes > kMaxObjectBytes.value) {
    return fail(TERRACE_NO_ROOM, "%llu bytes are more than any machine has",
                static_cast<unsigned long long>(options.bytes));
  }
  if (options.alignment > kMostAlignment ||
      (options.alignment != 0 && !std::has_single_bit(options.alignment))) {
    return fail(TERRACE_BAD_ARGUMENT, "an alignment of %llu; give a power of two up to 1 GiB",
                static_cast<unsigned long long>(options.alignment));
  }
  if (options.pages != TERRACE_PAGES_HUGE && options.pages != TERRACE_PAGES_SMALL) {
    return fail(TERRACE_BAD_ARGUMENT, "terrace_tensor_options.pages is %d, which is no page size",
                options.pages);
  }
  if ((options.flags & ~static_cast<std::uint32_t>(TERRACE_TENSOR_STRICT)) != 0) {
    return fail(TERRACE_BAD_ARGUMENT, "terrace_tensor_options.flags has an unknown bit: %#x",
                options.flags);
  }
  return TERRACE_OK;
}

}  // namespace

/// What the options say of the tensor itself, checked.
terrace_status Context::read_identity(const terrace_tensor_options& options, Tensor& tensor) {
  const terrace_status checked = check_shape(options);
  if (checked != TERRACE_OK) return checked;
  tensor.kind = options.kind;
  tensor.pages = options.pages;
  tensor.layer = options.layer;
  if (options.name != nullptr) tensor.name.assign(options.name, strnlen(options.name, kMostName));
  return TERRACE_OK;
}

terrace_status Context::read_wish(const terrace_tensor_options& options, Wish& wish) const {
  wish.strict = (options.flags & TERRACE_TENSOR_STRICT) != 0;
  wish.tier = class_tier_[static_cast<std::size_t>(options.kind)];
  if (options.shares == nullptr) {
    return options.tier != nullptr ? find_tier(options.tier, wish.tier) : TERRACE_OK;
  }
  if (options.tier != nullptr) {
    return fail(TERRACE_BAD_ARGUMENT, "both a tier and shares are wished for; give one");
  }
  if (options.share_count == 0 || options.share_count > tier_count()) {
    return fail(TERRACE_BAD_ARGUMENT, "%u shares; there are %u tiers", options.share_count,
                tier_count());
  }
  double sum = 0;
  for (std::uint32_t i = 0; i < options.share_count; ++i) {
    const double share = options.shares[i];
    if (!std::isfinite(share) || share < 0) {
      return fail(TERRACE_BAD_ARGUMENT, "share %u is %g; give a number from 0 on", i, share);
    }
    wish.shares[i] = share;
    sum += share;
  }
  if (!std::isfinite(sum) || sum <= 0) {
    return fail(TERRACE_BAD_ARGUMENT, "the shares' sum is %g; it must be above 0", sum);
  }
  wish.spread = true;
  return TERRACE_OK;
}

/// Gives the object's blocks from `from` on their tiers, and takes the room.
terrace_status Context::take_tiers(const Tensor& tensor, extent::Object& object,
                                   std::uint32_t from) {
  Memory& memory = *memory_;
  const std::uint32_t blocks = object.block_count - from;
  std::vector<std::uint8_t> wanted(blocks, static_cast<std::uint8_t>(tensor.wish.tier));
  if (tensor.wish.spread) {
    extent::stripe_blocks(tensor.wish.shares, tier_count(), wanted.data(), blocks);
  }
  std::uint64_t needed[TERRACE_MAX_TIERS] = {};
  for (const std::uint8_t tier : wanted) ++needed[tier];
  std::uint64_t free_in_all = 0;
  for (std::uint32_t i = 0; i < tier_count(); ++i) {
    const std::uint64_t free = memory.capacity.free_blocks(i);
    free_in_all += free;
    if (!tensor.wish.strict || needed[i] <= free) continue;
    return fail(TERRACE_NO_ROOM, "tier %s has %llu MiB left of the %llu that are wished for",
                memory.topology.tiers[i].name.c_str(),
                static_cast<unsigned long long>(bytes_of_blocks(free).value >> 20),
                static_cast<unsigned long long>(bytes_of_blocks(needed[i]).value >> 20));
  }
  if (free_in_all < blocks) {
    return fail(TERRACE_NO_ROOM, "the tiers have %llu MiB left, %llu are asked for",
                static_cast<unsigned long long>(bytes_of_blocks(free_in_all).value >> 20),
                static_cast<unsigned long long>(bytes_of_blocks(blocks).value >> 20));
  }
  if (!memory.extents.room_for_mappings()) {
    return fail(TERRACE_NO_MEMORY,
                "the tensors use half of the mappings that the kernel allows a process; raise "
                "vm.max_map_count or spread fewer of them");
  }
  std::uint8_t* const tiers = memory.arena.tiers_of(object) + from;
  for (std::uint32_t i = 0; i < blocks; ++i) {
    tiers[i] = static_cast<std::uint8_t>(memory.capacity.take_block(wanted[i]));
  }
  memory.extents.fit_mappings(object);
  return TERRACE_OK;
}

void Context::give_back(const extent::Object& object, std::uint32_t from) {
  std::uint8_t* const tiers = memory_->arena.tiers_of(object);
  for (std::uint32_t i = from; i < object.block_count; ++i) {
    if (tiers[i] != extent::kNoTier) memory_->capacity.give_back(tiers[i]);
    tiers[i] = extent::kNoTier;
  }
}

terrace_status Context::map(const Tensor& tensor, extent::Object& object) {
  const int error = memory_->extents.map_placed(object);
  if (error != 0) return fail_by_errno(error, "mapping a tensor");
  if (tensor.pages != TERRACE_PAGES_SMALL) return TERRACE_OK;
  memory_->extents.for_each_run(
      object, [&](std::uint32_t first, std::uint32_t count, std::uint8_t tier) {
        if (memory_->is_shared(tier)) return;
        os::refuse_huge(memory_->arena.address_of(first), bytes_of_blocks(count));
      });
  return TERRACE_OK;
}

void Context::count_tiers(Tensor& tensor) {
  std::uint32_t counts[TERRACE_MAX_TIERS] = {};
  const std::uint8_t* const tiers = memory_->arena.tiers_of(*tensor.object);
  for (std::uint32_t i = 0; i < tensor.object->block_count; ++i) {
    if (tiers[i] < TERRACE_MAX_TIERS) ++counts[tiers[i]];
  }
  for (std::uint32_t i = 0; i < TERRACE_MAX_TIERS; ++i) tensor.tier_blocks[i].store(counts[i]);
}

/// Under memory_lock_.
terrace_status Context::make(Tensor& tensor) {
  extent::Object* const object =
      memory_->arena.carve(block_count_for(tensor.bytes), tensor.align_blocks);
  if (object == nullptr) {
    return fail(TERRACE_NO_MEMORY, "no address space or record is left for a tensor of %llu bytes",
                static_cast<unsigned long long>(tensor.bytes.value));
  }
  object->size_bytes = tensor.bytes.value;
  terrace_status done = take_tiers(tensor, *object, 0);
  if (done == TERRACE_OK) {
    done = map(tensor, *object);
    if (done != TERRACE_OK) {
      give_back(*object, 0);
      memory_->extents.return_mappings(*object);
    }
  }
  if (done != TERRACE_OK) {
    memory_->arena.release(*object);
    return done;
  }
  tensor.object = object;
  tensor.address = memory_->arena.address_of(object->first_block);
  count_tiers(tensor);
  memory_->arena.publish(*object);
  return TERRACE_OK;
}

/// Blocks from `from` on that are not where they were wished for. By tier and not by place, since a
/// stripe may be laid in longer runs than wished.
Spill Context::spill_of(const Tensor& tensor, std::uint32_t from) const {
  const std::uint32_t blocks = tensor.object->block_count - from;
  std::vector<std::uint8_t> wanted(blocks, static_cast<std::uint8_t>(tensor.wish.tier));
  if (tensor.wish.spread) {
    extent::stripe_blocks(tensor.wish.shares, tier_count(), wanted.data(), blocks);
  }
  std::int64_t lacking[TERRACE_MAX_TIERS] = {};
  const std::uint8_t* const tiers = memory_->arena.tiers_of(*tensor.object) + from;
  for (std::uint32_t i = 0; i < blocks; ++i) {
    ++lacking[wanted[i]];
    if (tiers[i] < TERRACE_MAX_TIERS) --lacking[tiers[i]];
  }
  Spill spill;
  for (std::uint32_t i = 0; i < TERRACE_MAX_TIERS; ++i) {
    if (lacking[i] > 0) spill.blocks[i] = static_cast<std::uint64_t>(lacking[i]);
  }
  return spill;
}

void Context::tell_spill(std::uint64_t tensor, const Spill& spill) {
  for (std::uint32_t tier = 0; tier < tier_count(); ++tier) {
    if (spill.blocks[tier] == 0) continue;
    const std::uint64_t bytes = bytes_of_blocks(spill.blocks[tier]).value;
    spilled_.fetch_add(bytes, std::memory_order_relaxed);
    post({sizeof(terrace_event), TERRACE_EVENT_PRESSURE, {tensor}, tier, tier, bytes, 0, nullptr});
  }
}

terrace_status Context::allocate(const terrace_tensor_options& options, Naming naming,
                                 TensorRef& tensor) {
  auto made = std::make_shared<Tensor>();
  terrace_status done = read_identity(options, *made);
  if (done == TERRACE_OK) done = read_wish(options, made->wish);
  if (done != TERRACE_OK) return done;
  made->bytes = Bytes(options.bytes);
  made->align_blocks = std::max(1u, block_count_for(Bytes(options.alignment)));
  Spill spill;
  {
    const std::lock_guard lock(memory_lock_);
    done = make(*made);
    if (done == TERRACE_OK) spill = spill_of(*made, 0);
  }
  if (done == TERRACE_NO_ROOM) {
    post({sizeof(terrace_event),
          TERRACE_EVENT_PRESSURE,
          {0},
          made->wish.tier,
          made->wish.tier,
          options.bytes,
          0,
          nullptr});
  }
  if (done != TERRACE_OK) return done;
  if (naming == Naming::kHandle) done = name(made);
  if (done != TERRACE_OK) return done;
  tell_spill(made->handle, spill);
  tensor = std::move(made);
  return TERRACE_OK;
}

/// From here on the handle is good. Without one the tensor is not there.
terrace_status Context::name(const TensorRef& tensor) {
  {
    const std::lock_guard lock(memory_lock_);
    tensor->handle = tensors_.add(tensor);
    if (tensor->object != nullptr) tensor->object->id = tensor->handle;
  }
  if (tensor->handle != 0) {
    tell_birth(*tensor);
    return TERRACE_OK;
  }
  end_memory(*tensor);
  return fail(TERRACE_NO_MEMORY, "%u tensors are alive, more a context cannot name", kMaxSlots);
}

void Context::end_memory(Tensor& tensor) {
  const std::lock_guard lock(memory_lock_);
  if (tensor.adopted) {
    adopted_.erase(tensor.address);
    return;
  }
  if (tensor.object == nullptr) return;
  memory_->arena.withdraw(*tensor.object);
  if (losses_ != nullptr) losses_->forget(*tensor.object);
  memory_->extents.unmap(*tensor.object);
  give_back(*tensor.object, 0);
  memory_->extents.return_mappings(*tensor.object);
  memory_->arena.release(*tensor.object);
  tensor.object = nullptr;
}

terrace_status Context::free(const TensorRef& tensor) {
  {
    std::unique_lock lock(control_);
    if (tensor->ended) {
      return fail_freed();
    }
    if (tensor->pins != 0) {
      return fail(TERRACE_BUSY, "the tensor is pinned %u times; unpin it first", tensor->pins);
    }
    tensor->ended = true;
    changed_.wait(lock, [&] { return !tensor->moving && tensor->users == 0; });
    cancel_all_of(*tensor);
  }
  tell_end(*tensor);
  tensors_.remove(tensor->handle);
  end_memory(*tensor);
  return TERRACE_OK;
}

}  // namespace terrace::capi
