// SPDX-License-Identifier: Apache-2.0
#include "allocators/backing/block_pool.h"

#include <cerrno>
#include <cstring>

#include "allocators/backing/clear_kernel.h"
#include "allocators/os/files.h"
#include "allocators/os/mapping.h"
#include "allocators/os/range_lock.h"

namespace terrace::backing {
namespace {

constexpr Bytes bytes_of(PoolRun run) {
  return Bytes(static_cast<std::uint64_t>(run.count) << kBlockShift);
}

constexpr os::ByteRange range_of(PoolRun run) {
  const std::uint64_t begin = BlockPool::offset_of(run.first);
  return {begin, begin + bytes_of(run).value};
}

/// The bitmap's size in whole words.
constexpr Bytes bitmap_bytes(std::uint32_t blocks) {
  return Bytes((static_cast<std::uint64_t>(blocks) + 63) / 64 * sizeof(std::uint64_t));
}

std::uint32_t block_at(std::uint64_t offset) {
  const std::uint64_t block = offset >> kBlockShift;
  return block > UINT32_MAX ? UINT32_MAX : static_cast<std::uint32_t>(block);
}

/// The first block after a range of bytes, however others align theirs.
std::uint32_t block_after(std::uint64_t offset) {
  return block_at(offset + (kBlockBytes.value - 1));
}

Status check_unit(const char* path, Bytes unit) {
  if (unit.value == 0 || kBlockBytes.value % unit.value == 0) return ok_status();
  return make_error(ErrorCode::kUsage, 0,
                    "%s: is mapped in units of %llu bytes and Terrace places blocks of 2 MiB; make "
                    "it again with 'ndctl create-namespace --mode=devdax --align=2M' or 'daxctl "
                    "create-device --align=2M'",
                    path, static_cast<unsigned long long>(unit.value));
}

Status check_size(const char* path, std::uint32_t blocks, Bytes size) {
  if (blocks != 0) return ok_status();
  return make_error(ErrorCode::kUsage, 0,
                    "%s: has %llu bytes to use, fewer than one block of 2 MiB; a file is made "
                    "larger by 'truncate -s SIZE', a folder's file by the tier's capacity",
                    path, static_cast<unsigned long long>(size.value));
}

Status check_locks(const char* path, const os::DaxDevice& device) {
  if (device.kind == os::DaxKind::kUnnamedFile) return ok_status();
  // libpmemobj locks its pools so, on devices too (util_file_open): data that is to stay.
  if (os::share_file(device.fd) == EWOULDBLOCK) {
    return make_error(ErrorCode::kUsage, EWOULDBLOCK,
                      "%s: another program has it to itself (flock), as libpmemobj's pools are "
                      "held; end that program, or name another device or file",
                      path);
  }
  const int error = os::check_range_locks(device.fd);
  if (error == 0) return ok_status();
  return make_error(ErrorCode::kCapabilityMissing, error,
                    "%s: its filesystem keeps no locks that tell who uses which block (%s); name a "
                    "folder instead, where each process has a file of its own",
                    path, std::strerror(error));
}

Status check_device(const char* path, const os::DaxDevice& device, std::uint32_t blocks) {
  if (Status unit = check_unit(path, device.mapping_unit); !unit) return unit;
  if (Status size = check_size(path, blocks, device.size); !size) return size;
  return check_locks(path, device);
}

}  // namespace

Status BlockPool::open(const char* path, Bytes capacity, Bytes mapping_unit, const char* sysfs) {
  if (Status unit = check_unit(path, mapping_unit); !unit) return unit;
  const auto device = os::open_dax(path, capacity, sysfs);
  if (!device) return device.error();
  const bool all = capacity.value == 0 || capacity > device->size;
  const std::uint32_t blocks = block_at((all ? device->size : capacity).value);
  Status checked = check_device(path, *device, blocks);
  void* bitmap = nullptr;
  if (checked) {
    bitmap = os::map_private_at(nullptr, bitmap_bytes(blocks) + bitmap_bytes(blocks));
    if (bitmap == nullptr) {
      checked =
          make_error(ErrorCode::kIo, ENOMEM, "%s: no memory for the list of its blocks", path);
    }
  }
  if (!checked) {
    os::close_file(device->fd);
    return checked;
  }
  fd_ = device->fd;
  kind_ = device->kind;
  block_count_ = blocks;
  next_ = 0;
  storage_returns_ = true;
  held_ = static_cast<std::uint64_t*>(bitmap);
  stored_ = held_ + bitmap_bytes(blocks).value / sizeof *held_;
  return checked;
}

void BlockPool::close() {
  if (fd_ < 0) return;
  os::close_file(fd_);
  os::unmap(held_, bitmap_bytes(block_count_) + bitmap_bytes(block_count_));
  *this = BlockPool();
}

PoolRun BlockPool::claim(std::uint32_t wanted) {
  if (wanted == 0) return {};
  PoolRun run = lock_run(next_, block_count_, wanted);
  if (run.count == 0) run = lock_run(0, next_, wanted);
  if (run.count == 0) return {};
  run = give_storage(run);
  note_held(run);
  next_ = (run.first + run.count) % block_count_;
  return run;
}

void BlockPool::give_back(PoolRun run) {
  if (run.count == 0) return;
  take_storage(run);  // before anybody else can have it
  note_free(run);
  unlock(run);
}

/// Locks the first blocks of [begin, end) that nobody holds, at most `wanted` and adjacent.
PoolRun BlockPool::lock_run(std::uint32_t begin, std::uint32_t end, std::uint32_t wanted) const {
  std::uint32_t at_most = wanted;
  while (begin < end) {
    const PoolRun run = unheld_run(begin, end, at_most);
    if (run.count == 0 || kind_ == os::DaxKind::kUnnamedFile) return run;
    const os::LockAttempt attempt = os::lock_range(fd_, range_of(run));
    if (attempt.error == 0) return run;
    if (attempt.error != EAGAIN) return {};
    const std::uint32_t others = block_at(attempt.other.begin);
    if (others > run.first) {
      begin = run.first;
      at_most = others - run.first;
    } else {
      begin = block_after(attempt.other.end);
      at_most = wanted;
    }
  }
  return {};
}

/// The same by our own account only: an opening's own locks never stand in its way.
PoolRun BlockPool::unheld_run(std::uint32_t begin, std::uint32_t end, std::uint32_t wanted) const {
  std::uint32_t first = begin;
  while (first < end && holds(first)) {
    const bool whole_word = first % 64 == 0 && ~held_[first / 64] == 0;
    first += whole_word ? 64 : 1;
  }
  if (first >= end) return {};
  PoolRun run{first, 1};
  while (run.count < wanted && first + run.count < end && !holds(first + run.count)) ++run.count;
  return run;
}

bool BlockPool::is_stored(PoolRun run) const {
  for (std::uint32_t block = run.first; block < run.first + run.count; ++block) {
    if ((stored_[block / 64] >> (block % 64) & 1) == 0) return false;
  }
  return true;
}

void BlockPool::note_stored(PoolRun run) {
  for (std::uint32_t block = run.first; block < run.first + run.count; ++block) {
    stored_[block / 64] |= std::uint64_t{1} << (block % 64);
  }
}

void BlockPool::note_released(PoolRun run) {
  for (std::uint32_t block = run.first; block < run.first + run.count; ++block) {
    stored_[block / 64] &= ~(std::uint64_t{1} << (block % 64));
  }
}

/// What of a locked run the filesystem has storage for; the rest is unlocked. Asking again for what
/// is there is not free: tmpfs takes 200 ns a page, half as long as copying it.
PoolRun BlockPool::give_storage(PoolRun run) {
  if (kind_ == os::DaxKind::kDevice || is_stored(run)) return run;
  PoolRun stored = run;
  while (stored.count > 0 &&
         os::allocate_storage(fd_, offset_of(stored.first), bytes_of(stored)) != 0) {
    take_storage(stored);  // a refused range may have been allocated in part
    stored.count /= 2;
  }
  unlock({stored.first + stored.count, run.count - stored.count});
  note_stored(stored);
  return stored;
}

/// Storage of a file without a name goes back to its filesystem; a named one keeps what it has.
void BlockPool::take_storage(PoolRun run) {
  if (kind_ != os::DaxKind::kUnnamedFile) return;
  note_released(run);
  if (os::release_storage(fd_, offset_of(run.first), bytes_of(run)) != 0) storage_returns_ = false;
}

/// A refused unlock costs others these blocks until we end, and us nothing: our own lock does not
/// stop us from taking them again.
void BlockPool::unlock(PoolRun run) const {
  if (run.count == 0 || kind_ == os::DaxKind::kUnnamedFile) return;
  os::unlock_range(fd_, range_of(run));
}

void BlockPool::note_held(PoolRun run) {
  for (std::uint32_t block = run.first; block < run.first + run.count; ++block) {
    held_[block / 64] |= std::uint64_t{1} << (block % 64);
  }
}

void BlockPool::note_free(PoolRun run) {
  for (std::uint32_t block = run.first; block < run.first + run.count; ++block) {
    held_[block / 64] &= ~(std::uint64_t{1} << (block % 64));
  }
}

int BlockPool::map(void* at, PoolRun run) const {
  return os::map_shared_file(at, bytes_of(run), fd_, offset_of(run.first));
}

void BlockPool::clear(void* at, PoolRun run) {
  clear_streaming(at, bytes_of(run).value);
}

}  // namespace terrace::backing
