// SPDX-License-Identifier: Apache-2.0
#include "allocators/kv/prefix_store.h"

#include <algorithm>
#include <new>
#include <utility>

#include "allocators/kv/store_state.h"

namespace terrace::kv {
namespace {

constexpr std::uint32_t kMostTokens = 4096;
constexpr std::uint32_t kMostLayers = 4096;
constexpr std::uint64_t kLayerUnit = 64;

Status check_shape(const StoreOptions& options) {
  const Shape& shape = options.shape;
  const std::uint64_t bytes = shape.layer_bytes.value;
  const bool possible = shape.block_tokens >= 1 && shape.block_tokens <= kMostTokens &&
                        shape.layers >= 1 && shape.layers <= kMostLayers && bytes != 0 &&
                        bytes % kLayerUnit == 0 && bytes <= GiB(1).value &&
                        shape.block_bytes() <= GiB(8);
  if (possible) return ok_status();
  return make_error(ErrorCode::kUsage, 0,
                    "%s: a prefix store cannot hold blocks of %u tokens, %u layers of %llu bytes: "
                    "1 to 4096 tokens and layers, a layer's bytes a multiple of 64, 8 GiB at most "
                    "in a block",
                    options.path.c_str(), shape.block_tokens, shape.layers,
                    static_cast<unsigned long long>(bytes));
}

/// A block that got a place.
struct Placed {
  const StoredBlock* block;
  StoreIndex::Place place;
};

bool same_prefix(const StoredBlock& a, const StoredBlock& b) {
  return a.hash == b.hash && a.parent == b.parent && a.salt == b.salt && a.position == b.position &&
         std::ranges::equal(a.tokens, b.tokens);
}

/// What is kept or built upon is used now, and does not make room for this.
void touch(StoreIndex& index, std::span<const StoredBlock> blocks) {
  for (const StoredBlock& block : blocks) {
    for (const ChainHash hash : {block.parent, block.hash}) {
      const StoreSlot slot = index.find_live(hash);
      if (slot != kNoStoreSlot) index.touch(slot);
    }
  }
}

/// None, too, when there is no memory for one more: the block is not kept.
StoreIndex::Place reserve(StoreIndex& index, ChainHash hash, StoreSlot parent) {
  try {
    return index.reserve(hash, parent);
  } catch (const std::bad_alloc&) {
    return {};
  }
}

std::vector<Placed> place(StoreIndex& index, std::span<const StoredBlock> blocks) {
  std::vector<Placed> placed;
  placed.reserve(blocks.size());
  touch(index, blocks);
  for (const StoredBlock& block : blocks) {
    if (index.find(block.hash) != kNoStoreSlot) continue;
    StoreSlot parent = kNoStoreSlot;
    if (block.parent != 0) {
      parent = index.find(block.parent);
      if (parent == kNoStoreSlot || index.use(parent) == StoreIndex::Use::kUnverified) continue;
    }
    const StoreIndex::Place at = reserve(index, block.hash, parent);
    if (at.slot != kNoStoreSlot) placed.push_back({&block, at});
  }
  return placed;
}

}  // namespace

PrefixStore::State::State(const StoreOptions& options, StorePool opened)
    : path(options.path),
      shape(options.shape),
      pool(std::move(opened)),
      medium(options.make_medium ? options.make_medium(pool.base(), pool.size())
                                 : medium_of(pool.base(), pool.size())),
      records(shape, pool.seed(), pool.segments()),
      index(records.count()) {}

PrefixStore::State::~State() {
  closing.store(true, std::memory_order_relaxed);
  if (restorer.joinable()) restorer.join();
}

Status PrefixStore::State::drain() {
  Status drained = medium->drain();
  if (drained) return drained;
  failed = true;
  return make_error(ErrorCode::kIo, drained.error().saved_errno,
                    "%s: %.160s; the prefix store keeps nothing more, see the kernel's log",
                    path.c_str(), drained.error().message);
}

Status PrefixStore::State::drop(StoreSlot slot, std::uint64_t StoreStats::*counter) {
  std::vector<StoreSlot> dropped;
  {
    const std::lock_guard lock(mutex);
    const StoreIndex::Use use = index.use(slot);
    if (use != StoreIndex::Use::kLive && use != StoreIndex::Use::kUnverified) return ok_status();
    dropped = index.drop(slot);
    ++(stats.*counter);
    stats.orphans += dropped.size() - 1;
  }
  for (const StoreSlot gone : dropped) records.set_state(*medium, gone, RecordState::kEmpty);
  if (Status drained = drain(); !drained) return drained;
  const std::lock_guard lock(mutex);
  for (const StoreSlot gone : dropped) index.unpin(gone);
  return ok_status();
}

Result<std::unique_ptr<PrefixStore>> PrefixStore::open(const StoreOptions& options) {
  if (Status possible = check_shape(options); !possible) return possible.error();
  auto pool = StorePool::open(options);
  if (!pool) return pool.error();
  auto state = std::make_unique<State>(options, std::move(*pool));
  if (Status scanned = state->scan(); !scanned) return scanned.error();
  return std::unique_ptr<PrefixStore>(new PrefixStore(std::move(state)));
}

PrefixStore::PrefixStore(std::unique_ptr<State> state) : state_(std::move(state)) {}
PrefixStore::~PrefixStore() = default;

std::uint64_t PrefixStore::hash_seed() const {
  return state_->pool.seed();
}

Result<std::uint64_t> PrefixStore::keep(std::span<const StoredBlock> blocks) {
  State& state = *state_;
  for (const StoredBlock& block : blocks) {
    if (block.tokens.size() == state.shape.block_tokens &&
        block.data.size() == state.shape.block_bytes().value) {
      continue;
    }
    return make_error(ErrorCode::kUsage, 0, "%s: a block of another shape than the store's",
                      state.path.c_str());
  }
  const std::lock_guard lock(state.writing);
  if (state.failed) {
    return make_error(ErrorCode::kIo, 0,
                      "%s: the prefix store keeps nothing more since its storage failed; see the "
                      "kernel's log",
                      state.path.c_str());
  }
  return state.write(blocks);
}

/// Three waits for storage, whatever the number of blocks: what is replaced is gone, contents are
/// there, states say so. The first only where something is replaced.
Result<std::uint64_t> PrefixStore::State::write(std::span<const StoredBlock> blocks) {
  std::vector<Placed> placed;
  {
    const std::lock_guard lock(mutex);
    placed = place(index, blocks);
  }
  std::uint64_t replaced = 0;
  for (const Placed& at : placed) {
    if (!at.place.replaces) continue;
    records.set_state(*medium, at.place.slot, RecordState::kUnderWay);
    ++replaced;
  }
  if (replaced != 0) {
    if (Status gone = drain(); !gone) return gone.error();
  }
  for (const Placed& at : placed) {
    records.write(*medium, at.place.slot, *at.block, next_written++);
  }
  if (Status there = drain(); !there) return there.error();
  for (const Placed& at : placed) {
    records.set_state(*medium, at.place.slot, RecordState::kWhole);
  }
  if (Status whole = drain(); !whole) return whole.error();
  const std::lock_guard lock(mutex);
  for (const Placed& at : placed) index.commit(at.place.slot);
  stats.written += placed.size();
  stats.replaced += replaced;
  return std::uint64_t{placed.size()};
}

bool PrefixStore::contains(ChainHash hash) const {
  const std::lock_guard lock(state_->mutex);
  return state_->index.find_live(hash) != kNoStoreSlot;
}

bool PrefixStore::touch(ChainHash hash) {
  const std::lock_guard lock(state_->mutex);
  const StoreSlot slot = state_->index.find_live(hash);
  if (slot != kNoStoreSlot) state_->index.touch(slot);
  return slot != kNoStoreSlot;
}

void PrefixStore::forget(ChainHash hash) {
  const std::lock_guard lock(state_->writing);
  StoreSlot slot = kNoStoreSlot;
  {
    const std::lock_guard inside(state_->mutex);
    slot = state_->index.find_live(hash);
  }
  // Nothing takes it out or in but under `writing`. drop() has noted a failed drain().
  if (slot != kNoStoreSlot) (void)state_->drop(slot, &StoreStats::forgotten);
}

bool PrefixStore::matches(const StoredBlock& block) const {
  const std::lock_guard lock(state_->mutex);
  const StoreSlot slot = state_->index.find_live(block.hash);
  return slot != kNoStoreSlot && same_prefix(block, state_->records.block(slot));
}

Result<std::optional<PrefixStore::Lease>> PrefixStore::lease(ChainHash hash) {
  StoreSlot slot = kNoStoreSlot;
  {
    const std::lock_guard lock(state_->mutex);
    slot = state_->index.find_live(hash);
    if (slot == kNoStoreSlot) return std::optional<Lease>();
    state_->index.touch(slot);
    state_->index.pin(slot);
  }
  Lease lease(state_.get(), slot, state_->records.block(slot));
  if (state_->records.verify(slot)) return std::optional<Lease>(std::move(lease));
  const std::lock_guard lock(state_->writing);
  if (Status dropped = state_->drop(slot, &StoreStats::corrupt); !dropped) return dropped.error();
  return make_error(ErrorCode::kCheckFailed, 0,
                    "%s: block %016llx of the prefix store has a wrong checksum and was dropped; "
                    "its storage may be failing",
                    state_->path.c_str(), static_cast<unsigned long long>(hash));
}

void PrefixStore::wait_restored() {
  std::unique_lock lock(state_->mutex);
  state_->restored.wait(lock, [this] { return !state_->stats.restoring; });
}

StoreStats PrefixStore::stats() const {
  const std::lock_guard lock(state_->mutex);
  StoreStats stats = state_->stats;
  stats.blocks = state_->index.live();
  return stats;
}

PrefixStore::Lease::Lease(Lease&& other) noexcept
    : store_(std::exchange(other.store_, nullptr)), slot_(other.slot_), block_(other.block_) {}

PrefixStore::Lease& PrefixStore::Lease::operator=(Lease&& other) noexcept {
  if (this == &other) return *this;
  release();
  store_ = std::exchange(other.store_, nullptr);
  slot_ = other.slot_;
  block_ = other.block_;
  return *this;
}

PrefixStore::Lease::~Lease() {
  release();
}

void PrefixStore::Lease::release() {
  if (store_ == nullptr) return;
  const std::lock_guard lock(store_->mutex);
  store_->index.unpin(slot_);
  store_ = nullptr;
}

}  // namespace terrace::kv
