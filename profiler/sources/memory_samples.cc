// SPDX-License-Identifier: Apache-2.0
#include "profiler/sources/memory_samples.h"

#include <cerrno>

#include "allocators/os/files.h"
#include "allocators/os/mapping.h"

namespace terrace::sources {
namespace {

constexpr std::uint64_t kSampleType =
    kSampleTid | kSampleTime | kSampleAddress | kSamplePeriod | kSampleWeight | kSampleDataSource;

os::SampleRequest request_of(const SampleEvent& event) {
  os::SampleRequest request;
  request.type = event.type;
  request.config = event.config;
  request.config1 = event.config1;
  request.config2 = event.config2;
  request.period = event.period;
  request.sample_type = kSampleType;
  request.precise = event.precise;
  request.leads = (event.flags & kSampleLeader) != 0;
  request.may_be_whole_cpu = (event.flags & kSampleWholeCpu) != 0;
  return request;
}

void* table(std::uint64_t bytes) {
  const Bytes size = round_up_to_block(Bytes(bytes));
  void* const at = os::reserve_address_space(size);
  if (at == nullptr || os::map_private(at, size, os::PageAdvice::kNone) == 0) return at;
  os::unmap(at, size);
  return nullptr;
}

}  // namespace

Status MemorySamples::attach(const SampleEvent* events, std::uint32_t count) {
  os::SampleRequest requests[kMaxSampleEvents];
  per_sample_ = Bytes();
  if (count > kMaxSampleEvents) count = kMaxSampleEvents;
  for (std::uint32_t i = 0; i < count; ++i) {
    requests[i] = request_of(events[i]);
    if (requests[i].leads || per_sample_.value != 0) continue;
    per_sample_ = Bytes(events[i].period * events[i].bytes_per_event);
  }
  pid_ = static_cast<std::uint32_t>(os::process_id());
  Status opened = rings_.open(requests, count);
  if (!opened) why_not_ = opened.error();
  return opened;
}

Status MemorySamples::open(const Field& field) {
  if (!rings_.is_open() && why_not_.message[0] != '\0') return why_not_;
  if (!rings_.is_open()) {
    return make_error(ErrorCode::kCapabilityMissing, ENODEV,
                      "memory samples: no event of this processor samples loads by address");
  }
  field_ = field;
  if (found_ == nullptr) {
    found_ = static_cast<std::uint32_t*>(table(field.blocks * sizeof *found_));
    records_ = static_cast<std::byte*>(table(os::SampleRings::kRingBytes));
  }
  if (found_ != nullptr && records_ != nullptr) return ok_status();
  return make_error(ErrorCode::kIo, ENOMEM, "memory samples: no address space for their counts");
}

int MemorySamples::begin() {
  return rings_.start();
}

int MemorySamples::end() {
  const int error = rings_.stop();
  for (std::uint32_t cpu = 0; cpu < rings_.cpu_count(); ++cpu) {
    count(records_, rings_.take(cpu, records_));
  }
  return error;
}

void MemorySamples::count(const std::byte* records, std::size_t size) {
  for (std::size_t at = 0; at < size;) {
    const std::size_t length = record_length(records + at, size - at);
    if (length == 0) {
      // Where the next record begins is not known any more.
      ++counts_.malformed;
      return;
    }
    count(parse_record(records + at, length, kSampleType));
    at += length;
  }
}

void MemorySamples::count(const SampleRecord& record) {
  switch (record.kind) {
    case RecordKind::kSample:
      break;
    case RecordKind::kLost:
      counts_.lost += record.lost;
      return;
    case RecordKind::kThrottled:
      ++counts_.throttled;
      return;
    case RecordKind::kMalformed:
      ++counts_.malformed;
      return;
    case RecordKind::kOther:
      return;
  }
  const std::uint64_t offset =
      record.sample.address - reinterpret_cast<std::uintptr_t>(field_.base);
  const bool ours = record.sample.pid == pid_ && offset >> kBlockShift < field_.blocks;
  const DataSource source = decode_data_source(record.sample.data_source);
  const bool cached = source.level == MemoryLevel::kL1 && source.access != AccessKind::kStore;
  if (!ours || cached) {
    ++counts_.elsewhere;
    return;
  }
  ++found_[offset >> kBlockShift];
  ++counts_.counted;
}

int MemorySamples::end_run(const BlockRun& run, std::uint32_t* counts) {
  std::uint32_t* const found = found_ + run.first_block;
  for (std::uint32_t i = 0; i < run.blocks; ++i) {
    counts[i] += found[i];
    found[i] = 0;
  }
  return 0;
}

void MemorySamples::close() {
  rings_.close();
}

}  // namespace terrace::sources
