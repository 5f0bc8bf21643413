// SPDX-License-Identifier: Apache-2.0
// A tensor of another size: it shrinks in place, and grows into a larger object with its content.
#include <algorithm>
#include <cstring>

#include "allocators/base/block_bytes.h"
#include "allocators/os/mapping.h"
#include "tiering/capi/context.h"

namespace terrace::capi {

void Context::shrink(Tensor& tensor, std::uint32_t blocks) {
  extent::Object& object = *tensor.object;
  const std::uint32_t gone = object.block_count - blocks;
  memory_->extents.unmap_blocks(object, object.first_block + blocks, gone);
  // Where it is refused the file keeps pages that nobody sees, until the tensor ends.
  if (object.file.is_open()) {
    (void)object.file.punch(bytes_of_blocks(blocks).value, bytes_of_blocks(gone));
  }
  give_back(object, blocks);
  memory_->arena.shrink(object, blocks);
  memory_->extents.recount_mappings(object);
}

/// The old blocks' pages under the new object: private ones are moved, others copied.
void Context::move_content(const extent::Object& from, const extent::Object& to) {
  const std::uint8_t* const old_tiers = memory_->arena.tiers_of(from);
  const std::uint8_t* const new_tiers = memory_->arena.tiers_of(to);
  char* const source = memory_->arena.address_of(from.first_block);
  char* const target = memory_->arena.address_of(to.first_block);
  for (std::uint32_t i = 0; i < from.block_count; ++i) {
    const std::uint64_t at = bytes_of_blocks(i).value;
    const bool both_private =
        !memory_->is_shared(old_tiers[i]) && !memory_->is_shared(new_tiers[i]);
    if (both_private && os::move_pages_away(source + at, kBlockBytes, target + at) == 0) continue;
    std::memcpy(target + at, source + at, std::min(kBlockBytes.value, from.size_bytes - at));
  }
}

/// A larger object with the same content; the old blocks' room goes over to it.
terrace_status Context::grow(Tensor& tensor, Bytes bytes) {
  extent::Object& old = *tensor.object;
  extent::Object* const larger = memory_->arena.carve(block_count_for(bytes), tensor.align_blocks);
  if (larger == nullptr) {
    return fail(TERRACE_NO_MEMORY, "no address space or record is left to grow a tensor into");
  }
  larger->size_bytes = bytes.value;
  std::uint8_t* const old_tiers = memory_->arena.tiers_of(old);
  std::uint8_t* const new_tiers = memory_->arena.tiers_of(*larger);
  std::copy_n(old_tiers, old.block_count, new_tiers);
  terrace_status done = take_tiers(tensor, *larger, old.block_count);
  if (done != TERRACE_OK) {
    memory_->arena.release(*larger);
    return done;
  }
  done = map(tensor, *larger);
  if (done != TERRACE_OK) {
    // A pool that lacked blocks may have sent some elsewhere: what the old ones have is taken anew.
    give_back(*larger, 0);
    for (std::uint32_t i = 0; i < old.block_count; ++i) {
      if (old_tiers[i] < TERRACE_MAX_TIERS) memory_->capacity.take_block(old_tiers[i]);
    }
    memory_->extents.return_mappings(*larger);
    memory_->arena.release(*larger);
    if (done != TERRACE_NO_MEMORY || !old.shared) return done;
    return fail(
        TERRACE_NO_ROOM,
        "a tensor on a device or file is copied when it grows: there is no room for the old "
        "and the new size at once");
  }
  move_content(old, *larger);
  larger->id = old.id;
  memory_->arena.withdraw(old);
  if (losses_ != nullptr) losses_->forget(old);
  memory_->extents.unmap(old);
  memory_->extents.return_mappings(old);
  memory_->arena.release(old);
  tensor.object = larger;
  keep(tensor, tensor.kept);
  tensor.address = memory_->arena.address_of(larger->first_block);
  memory_->arena.publish(*larger);
  return TERRACE_OK;
}

/// Between begin_change and end_change.
terrace_status Context::resize_now(Tensor& tensor, Bytes bytes, Spill& spill) {
  const std::lock_guard lock(memory_lock_);
  const Bytes before = tensor.bytes;
  const std::uint32_t blocks = block_count_for(bytes);
  const std::uint32_t had = tensor.object->block_count;
  keep(tensor, without(tensor.kept, bytes.value, ~std::uint64_t{0}));
  if (blocks > had) {
    const terrace_status grown = grow(tensor, bytes);
    if (grown != TERRACE_OK) return grown;
  } else if (blocks < had) {
    shrink(tensor, blocks);
  }
  // What an earlier, larger size left in the last block.
  const Bytes old_end = std::min(bytes, bytes_of_blocks(std::min(had, blocks)));
  if (before < old_end) std::memset(tensor.address + before.value, 0, (old_end - before).value);
  tensor.bytes = bytes;
  tensor.object->size_bytes = bytes.value;
  count_tiers(tensor);
  if (blocks > had) spill = spill_of(tensor, had);
  return TERRACE_OK;
}

terrace_status Context::resize(const TensorRef& tensor, Bytes bytes, void*& address) {
  if (tensor->adopted) {
    return fail(TERRACE_UNSUPPORTED, "the tensor's memory is the caller's own: it keeps its size");
  }
  if (bytes.value == 0) {
    return fail(TERRACE_BAD_ARGUMENT, "a size of 0; terrace_free() ends a tensor");
  }
  if (bytes > kMaxObjectBytes) {
    return fail(TERRACE_NO_ROOM, "%llu bytes are more than any machine has",
                static_cast<unsigned long long>(bytes.value));
  }
  terrace_status done = begin_change(*tensor);
  if (done != TERRACE_OK) return done;
  Spill spill;
  done = resize_now(*tensor, bytes, spill);
  if (done == TERRACE_OK) {
    address = tensor->address;
    tell_resize(*tensor);
  }
  end_change(*tensor);
  tell_spill(tensor->handle, spill);
  return done;
}

}  // namespace terrace::capi
