// SPDX-License-Identifier: Apache-2.0
#include "tiering/capi/losses.h"

#include <algorithm>
#include <utility>

#include "allocators/os/files.h"

namespace terrace::capi {
namespace {

constexpr Nanoseconds kLongSleep(3'600'000'000'000);  // it is rung

/// What of [begin, end) the range holds, into `into`, where `begin` goes; false when the file is
/// another one by now.
bool read_part(const KeptRange& range, std::uint64_t begin, std::uint64_t end, char* into) {
  const std::uint64_t from = std::max(begin, range.begin);
  const std::uint64_t to = std::min(end, range.end);
  const std::uint64_t offset = range.file_offset + (from - range.begin);
  // It may have been written while it was read.
  return range.file->is_unchanged() &&
         os::read_fully(range.file->fd, into + (from - begin), to - from, offset) == 0 &&
         range.file->is_unchanged();
}

}  // namespace

KeptFile::~KeptFile() {
  if (fd >= 0) os::close_descriptor(fd);
}

bool KeptFile::is_unchanged() const {
  const auto now = os::stamp_of(fd);
  return now && *now == stamp;
}

void insert(std::vector<KeptRange>& ranges, KeptRange range) {
  const auto behind = std::find_if(ranges.begin(), ranges.end(), [&](const KeptRange& other) {
    return other.begin > range.begin;
  });
  ranges.insert(behind, std::move(range));
}

std::vector<KeptRange> without(const std::vector<KeptRange>& ranges, std::uint64_t begin,
                               std::uint64_t end) {
  std::vector<KeptRange> left;
  for (const KeptRange& range : ranges) {
    if (range.begin < begin) {
      left.push_back(range);
      left.back().end = std::min(range.end, begin);
    }
    if (range.end > end) {
      left.push_back(range);
      KeptRange& tail = left.back();
      tail.begin = std::max(range.begin, end);
      tail.file_offset += tail.begin - range.begin;
    }
  }
  return left;
}

LossWatch::LossWatch(const Memory& memory, Tell tell, void* context)
    : memory_(memory),
      tell_(tell),
      context_(context),
      snapshots_(new std::atomic<const Snapshot*>[extent::Arena::kMaxObjects]()) {}

Result<std::unique_ptr<LossWatch>> LossWatch::start(const Memory& memory, Tell tell,
                                                    void* context) {
  std::unique_ptr<LossWatch> watch(new LossWatch(memory, tell, context));
  const int error = watch->thread_.start(&run, watch.get(), "terrace-losses");
  if (error != 0) {
    return make_error(ErrorCode::kIo, error, "no thread can be had to tell of memory errors");
  }
  os::WatchedMemory range;
  range.at = static_cast<char*>(memory.arena.base());
  range.size = Bytes(memory.arena.block_count() << kBlockShift);
  range.on_loss = os::OnLoss::kRestore;
  range.origin = &origin_of;
  range.restore = &restore;
  range.restored = &note_restored;
  range.lost = &note_lost;
  range.context = watch.get();
  const auto watched = os::watch_memory(range);
  if (!watched) return watched.error();
  watch->watch_ = *watched;
  watch->watching_ = true;
  return watch;
}

LossWatch::~LossWatch() {
  if (watching_) os::unwatch_memory(watch_);
  stopping_.store(true);
  bell_.ring();
  thread_.join();
  for (std::uint32_t i = 0; i < extent::Arena::kMaxObjects; ++i) delete snapshots_[i].load();
}

void LossWatch::end_in_child() {
  if (watching_) os::unwatch_memory(watch_);
  watching_ = false;
}

std::shared_ptr<const KeptFile> LossWatch::open_again(int fd) {
  const auto stamp = os::stamp_of(fd);
  if (!stamp) return nullptr;
  std::erase_if(files_, [](const auto& file) { return file.expired(); });
  for (const auto& known : files_) {
    if (auto file = known.lock(); file != nullptr && file->stamp == *stamp) return file;
  }
  auto file = std::make_shared<KeptFile>();
  file->stamp = *stamp;
  file->fd = os::keep_descriptor(fd);
  if (file->fd < 0) return nullptr;
  files_.push_back(file);
  return file;
}

std::atomic<const LossWatch::Snapshot*>& LossWatch::snapshot_of(
    const extent::Object& object) const {
  return snapshots_[static_cast<std::size_t>(&object - &memory_.arena.slot(0))];
}

void LossWatch::publish(const extent::Object& object, std::unique_ptr<const Snapshot> next) {
  const std::unique_ptr<const Snapshot> before(snapshot_of(object).exchange(next.release()));
  os::settle_handlers(watch_);
}

void LossWatch::keep(const extent::Object& object, const std::vector<KeptRange>& ranges) {
  if (ranges.empty() && snapshot_of(object).load() == nullptr) return;
  publish(object, ranges.empty() ? nullptr : std::make_unique<const Snapshot>(Snapshot{ranges}));
}

void LossWatch::forget(const extent::Object& object) {
  publish(object, nullptr);
}

/// Nodes of the next slower tier of plain memory, else of the next faster one.
os::NodeMask LossWatch::nodes_of_another_tier(std::uint32_t failed) const {
  const std::uint32_t count = memory_.tier_count();
  const auto is_plain = [&](std::uint32_t tier) {
    return memory_.topology.tiers[tier].backing == BackingKind::kNuma &&
           !memory_.nodes[tier].empty();
  };
  for (std::uint32_t tier = failed + 1; tier < count; ++tier) {
    if (is_plain(tier)) return memory_.nodes[tier];
  }
  for (std::uint32_t tier = std::min(failed, count); tier-- > 0;) {
    if (is_plain(tier)) return memory_.nodes[tier];
  }
  return {};
}

os::PageOrigin LossWatch::origin_of(void* self, const void* at) {
  const LossWatch& watch = *static_cast<const LossWatch*>(self);
  const extent::Arena& arena = watch.memory_.arena;
  os::PageOrigin origin;
  const extent::Object* const object = arena.find(at);
  if (object == nullptr) return origin;
  const std::uint8_t tier = arena.tiers_of(*object)[arena.block_of(at) - object->first_block];
  if (tier == extent::kNoTier) return origin;
  if (watch.memory_.is_shared(tier)) origin.unit = kBlockBytes;
  // A link goes on dropping page-table entries: private pages would be lost with them.
  origin.memory_file = watch.memory_.topology.tiers[tier].emulated();
  origin.healthy = watch.nodes_of_another_tier(tier);
  return origin;
}

os::Restored LossWatch::restore(void* self, const char* at, char* into, Bytes size) {
  const LossWatch& watch = *static_cast<const LossWatch*>(self);
  const extent::Object* const object = watch.memory_.arena.find(at);
  // A pool's own records lie between its blocks: zeroed they would do more harm than the signal.
  if (object == nullptr || object->id == 0) return os::Restored::kRefused;
  const Snapshot* const snapshot = watch.snapshot_of(*object).load();
  if (snapshot == nullptr) return os::Restored::kNothing;
  const char* const first = watch.memory_.arena.address_of(object->first_block);
  const auto begin = static_cast<std::uint64_t>(at - first);
  const std::uint64_t end = std::min(begin + size.value, object->size_bytes);
  std::uint64_t reached = begin;
  bool whole = true;
  for (const KeptRange& range : snapshot->ranges) {
    if (range.end <= begin || range.begin >= end) continue;
    whole = whole && range.begin <= reached && read_part(range, begin, end, into);
    reached = range.end;
  }
  if (whole && reached >= end) return os::Restored::kContent;
  std::fill_n(into, size.value, '\0');
  return os::Restored::kNothing;
}

void LossWatch::note_lost(void* self, char* at, Bytes size) {
  static_cast<LossWatch*>(self)->note(at, size, os::Restored::kNothing);
}
void LossWatch::note_restored(void* self, char* at, Bytes size) {
  static_cast<LossWatch*>(self)->note(at, size, os::Restored::kContent);
}

/// The block's pages are not the device's or the file's any more: who moves it must copy what is
/// mapped now. Its place there, and the tier's room, stay taken: they are bad.
void LossWatch::take_off_tier(const extent::Object& object, std::uint32_t index) const {
  std::uint8_t& tier = memory_.arena.tiers_of(object)[index];
  if (!memory_.is_shared(tier)) return;
  memory_.arena.pool_block_at(object.first_block + index) = 0;
  tier = extent::kNoTier;
}

void LossWatch::note(char* at, Bytes size, os::Restored what) {
  const extent::Object* const object = memory_.arena.find(at);
  if (object == nullptr) return;
  Loss loss;
  loss.tensor = object->id;
  loss.at = at;
  loss.offset = static_cast<std::uint64_t>(at - memory_.arena.address_of(object->first_block));
  const auto index = static_cast<std::uint32_t>(loss.offset >> kBlockShift);
  loss.tier = std::min<std::uint32_t>(memory_.arena.tiers_of(*object)[index], extent::kMaxTiers);
  take_off_tier(*object, index);
  if (loss.offset >= object->size_bytes) return;  // behind its end nothing was lost
  loss.bytes = std::min(size.value, object->size_bytes - loss.offset);
  loss.restored = what == os::Restored::kContent;
  (loss.restored ? restored_ : lost_).fetch_add(loss.bytes);
  for (Slot& slot : slots_) {
    auto expected = SlotState::kFree;
    if (!slot.state.compare_exchange_strong(expected, SlotState::kChanging)) continue;
    slot.loss = loss;
    slot.state.store(SlotState::kFull);
    bell_.ring();
    return;
  }
  dropped_.fetch_add(1);
}

void LossWatch::drain() {
  for (Slot& slot : slots_) {
    if (slot.state.load() != SlotState::kFull) continue;
    const Loss loss = slot.loss;
    slot.state.store(SlotState::kFree);
    tell_(context_, loss);
  }
}

void* LossWatch::run(void* self) {
  LossWatch& watch = *static_cast<LossWatch*>(self);
  while (!watch.stopping_.load()) {
    watch.bell_.wait(kLongSleep);
    watch.drain();
  }
  return nullptr;
}

}  // namespace terrace::capi
