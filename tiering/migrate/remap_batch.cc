// SPDX-License-Identifier: Apache-2.0
#include "tiering/migrate/remap_batch.h"

#include <algorithm>
#include <cerrno>

#include "allocators/backing/dax_map.h"
#include "allocators/os/mapping.h"
#include "tiering/migrate/node_choice.h"

namespace terrace::migrate {
namespace {

using backing::BlockPool;
using backing::PoolRun;

void* at(const PageRange& range) {
  return reinterpret_cast<void*>(range.begin);
}

/// The first `blocks` blocks of a range, and what comes after them.
PageRange head_of(const PageRange& range, std::uint64_t blocks) {
  return {range.begin, range.begin + (blocks << kBlockShift), range.page};
}
PageRange tail_of(const PageRange& range, std::uint64_t blocks) {
  return {range.begin + (blocks << kBlockShift), range.end, range.page};
}

Outcome outcome_of(int error) {
  switch (error) {
    case EBUSY:
    case EAGAIN:
      return Outcome::kBusy;
    case ENOMEM:
    case ENOSPC:
      return Outcome::kNoMemory;
    case EPERM:
    case EACCES:
      return Outcome::kNotAllowed;
    default:
      return Outcome::kOther;
  }
}

void note_failure(BatchResult* result, Bytes size, int error) {
  const Outcome outcome = outcome_of(error);
  result->add(outcome, size);
  if (outcome == Outcome::kOther) result->other_errno = error;
}

void add_all(BatchResult* sum, const BatchResult& part) {
  for (std::size_t i = 0; i < sum->bytes.size(); ++i) sum->bytes[i] += part.bytes[i];
  if (part.other_errno != 0) sum->other_errno = part.other_errno;
  sum->longest_hold = std::max(sum->longest_hold, part.longest_hold);
}

/// Does the kernel show this file at all of the range? Asked after the move: the report says what
/// is, not what was wanted.
bool shows(const PageRange& range, const DaxPool& pool, std::uint64_t offset) {
  auto reader = os::MappingReader::open(0, os::MappingDetail::kPlain);
  if (!reader) return false;
  std::uintptr_t seen = range.begin;
  while (const auto mapping = reader->next()) {
    if (mapping->end <= seen) continue;
    const bool same = mapping->begin <= seen && pool.has(mapping->file) &&
                      mapping->offset + (seen - mapping->begin) == offset + (seen - range.begin);
    if (!same) return false;
    seen = mapping->end;
    if (seen >= range.end) return true;
  }
  return false;
}

/// The pages of a mapping once more. A pool's own view has its page-table entries already; another
/// file's or device's is made for the one move.
class SecondView {
 public:
  SecondView(const PageRange& range, const void* known)
      : range_(range),
        own_(known == nullptr ? os::map_same_pages(at(range), range.size()) : nullptr),
        data_(known == nullptr ? own_ : known) {}
  ~SecondView() {
    if (own_ != nullptr) os::unmap(own_, range_.size());
  }
  SecondView(const SecondView&) = delete;
  SecondView& operator=(const SecondView&) = delete;
  const void* data() const { return data_; }

 private:
  PageRange range_;
  void* own_;
  const void* data_;
};

/// Calls `move` for each part of the range that got blocks; the rest of it found the pool full.
template <typename Move>
BatchResult on_claimed(const PageRange& range, DaxPool& pool, const Move& move) {
  BatchResult result;
  PageRange rest = range;
  while (rest.begin < rest.end) {
    const auto wanted = static_cast<std::uint32_t>(rest.size().value >> kBlockShift);
    const PoolRun run = pool.claim(wanted);
    if (run.count == 0) {
      result.add(Outcome::kNoMemory, rest.size());
      return result;
    }
    add_all(&result, move(head_of(rest, run.count), run));
    rest = tail_of(rest, run.count);
  }
  return result;
}

}  // namespace

Remapper::Remapper(const Kernel& kernel) : kernel_(kernel) {
  auto opened = extent::CopyRemap::open();
  if (opened) {
    remap_ = *opened;
  } else {
    missing_ = opened.error().message;
  }
}

/// In one exchange when nobody writes much; block by block when that is too much for the time
/// that writers may be held.
BatchResult Remapper::to_run(const PageRange& range, DaxPool& pool, PoolRun run) const {
  BatchResult result;
  const std::uint64_t offset = BlockPool::offset_of(run.first);
  const auto report = remap_.to_file(at(range), range.size(), pool.fd(), offset, pool.view(run),
                                     backing::streaming_copy(), extent::RemapLimits());
  const int error = report.error;
  result.longest_hold = report.longest_hold;
  if (error == 0 && shows(range, pool, offset)) {
    result.add(Outcome::kMoved, range.size());
  } else if (error == EBUSY && run.count > 1) {
    for (std::uint32_t i = 0; i < run.count; ++i) {
      const PageRange block = head_of(tail_of(range, i), 1);
      add_all(&result, to_run(block, pool, {run.first + i, 1}));
    }
  } else {
    note_failure(&result, range.size(), error == 0 ? EIO : error);
    if (error != 0) pool.give_back(run);
  }
  return result;
}

BatchResult Remapper::to_pool(const PageRange& range, DaxPool& pool) const {
  return on_claimed(range, pool,
                    [&](const PageRange& part, PoolRun run) { return to_run(part, pool, run); });
}

/// An errno value; then the range is as it was.
int Remapper::copy_out(const PageRange& range, const os::MappingFacts& from,
                       const std::vector<NodeId>& nodes, BatchResult* result) {
  const std::uint64_t offset = from.offset + (range.begin - from.begin);
  DaxPool* const pool = pools_.of(from.file);
  const SecondView view(range, pool != nullptr ? pool->view_at(offset, range.size()) : nullptr);
  if (view.data() == nullptr) return ENOMEM;
  const auto report = remap_.to_private(at(range), range.size(), view.data(), mask_of(nodes),
                                        os::Binding::kPreferred);
  result->longest_hold = std::max(result->longest_hold, report.longest_hold);
  if (report.error != 0) return report.error;
  if (pool != nullptr) {
    pool->give_back({static_cast<std::uint32_t>(offset >> kBlockShift),
                     static_cast<std::uint32_t>(range.size().value >> kBlockShift)});
  }
  return 0;
}

/// The nodes are preferred, not certain: pages that fell elsewhere found the tier full.
BatchResult Remapper::to_memory(const PageRange& range, const os::MappingFacts& from,
                                const std::vector<NodeId>& nodes) {
  BatchResult result;
  if (const int error = copy_out(range, from, nodes, &result); error != 0) {
    note_failure(&result, range.size(), error);
    return result;
  }
  const BatchResult places = places_of(kernel_, range, nodes);
  result.add(Outcome::kMoved, places.of(Outcome::kAlreadyThere));
  result.add(Outcome::kNoMemory, range.size() - places.of(Outcome::kAlreadyThere));
  return result;
}

/// By way of private memory: a device's pages cannot be write-protected. What then cannot go on
/// stays there. The blocks are claimed first, so that a full pool leaves all where it was.
BatchResult Remapper::to_other_pool(const PageRange& range, const os::MappingFacts& from,
                                    DaxPool& pool) {
  return on_claimed(range, pool, [&](const PageRange& part, PoolRun run) {
    BatchResult result;
    const int error = copy_out(part, from, {}, &result);
    if (error == 0) {
      add_all(&result, to_run(part, pool, run));
    } else {
      pool.give_back(run);
      note_failure(&result, part.size(), error);
    }
    return result;
  });
}

}  // namespace terrace::migrate
