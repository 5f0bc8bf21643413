// SPDX-License-Identifier: Apache-2.0
#include "tiering/capi/told_session.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "allocators/base/percent.h"
#include "allocators/os/clock.h"
#include "allocators/os/files.h"
#include "profiler/session/named_range.h"
#include "profiler/sites/site_hash.h"

namespace terrace::capi {
namespace {

using session::SourceKind;

constexpr Nanoseconds kRecordEvery = milliseconds(1000);
/// Of steps that are told and do not end: a crash then loses no more than this.
constexpr Nanoseconds kRecordWithinStep = milliseconds(10000);
constexpr Nanoseconds kSourceEvery = milliseconds(10000);

/// SessionWriter works for one session in a process; a fork's child has none of its parent's.
std::atomic<int> session_of_process{0};

bool take_turn() {
  int owner = session_of_process.load();
  const int self = os::process_id();
  return owner != self && session_of_process.compare_exchange_strong(owner, self);
}

std::string expanded(const char* pattern) {
  std::string path;
  const auto put = [&](char c) { path += c; };
  for_each_escape(pattern, put, [&](char letter, std::size_t) {
    if (letter == 'p') {
      path += std::to_string(os::process_id());
      return;
    }
    path += '%';
    if (letter != '%' && letter != '\0') path += letter;
  });
  return path;
}

session::TierRecord record_of(const Tier& tier) {
  session::TierRecord record{};
  std::snprintf(record.name, sizeof record.name, "%s", tier.name.c_str());
  record.kind = static_cast<std::uint8_t>(tier.kind);
  record.backing = static_cast<std::uint8_t>(tier.backing);
  if (tier.capacity.known()) record.capacity_bytes = tier.capacity.value.value;
  if (tier.read_bandwidth.known()) record.bandwidth_gbps = tier.read_bandwidth.value.value;
  if (tier.idle_latency.known()) record.latency_ns = tier.idle_latency.value.value;
  return record;
}

session::FileHeader header_of(const Topology& topology, Nanoseconds now) {
  session::FileHeader header{};
  std::memcpy(header.magic, session::kMagic, sizeof header.magic);
  header.schema_version = session::kSchemaVersion;
  header.header_bytes = sizeof header;
  header.start_realtime_ns = os::realtime_now().value;
  header.start_monotonic_ns = now.value;
  header.pid = static_cast<std::uint32_t>(os::process_id());
  header.emulated = topology.emulated() ? 1 : 0;
  std::snprintf(header.machine_id, sizeof header.machine_id, "%s", topology.machine_id.c_str());
  os::executable_path(header.executable, sizeof header.executable);
  return header;
}

session::MemoryClass class_of(terrace_class kind) {
  switch (kind) {
    case TERRACE_WEIGHT:
      return session::MemoryClass::kWeight;
    case TERRACE_EXPERT:
      return session::MemoryClass::kExpert;
    case TERRACE_KV:
      return session::MemoryClass::kKv;
    case TERRACE_ACTIVATION:
      return session::MemoryClass::kActivation;
    default:
      return session::MemoryClass::kScratch;
  }
}

std::string name_of(const Tensor& tensor) {
  if (!tensor.name.empty()) return tensor.name;
  constexpr const char* kWords[] = {"weight", "expert", "kv", "activation", "scratch"};
  return std::string("unnamed ") + kWords[std::clamp<terrace_class>(tensor.kind, 0, 4)];
}

/// Stands for the call-site: the same tensor of another run has the same. FNV-1a.
std::uint64_t site_of(const Tensor& tensor) {
  std::uint64_t hash = sites::mix_text(sites::kFnvOffset, tensor.name.c_str());
  const auto take = [&](unsigned char byte) { hash = (hash ^ byte) * sites::kFnvPrime; };
  take(static_cast<unsigned char>(tensor.kind));
  for (int shift = 0; shift < 32; shift += 8) {
    take(static_cast<unsigned char>(static_cast<std::uint32_t>(tensor.layer) >> shift));
  }
  return hash;
}

/// floor(whole * part / all), for sums that are exact to the byte.
std::uint64_t share_of(std::uint64_t whole, std::uint64_t part, std::uint64_t all) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>(static_cast<Wide>(whole) * part / all);
}

/// `bytes` over the tensor's blocks by their length; the sum is exact.
std::vector<std::uint32_t> spread(std::uint64_t bytes, std::uint64_t tensor_bytes) {
  std::vector<std::uint32_t> counts(blocks_for(Bytes(tensor_bytes)));
  std::uint64_t given = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const std::uint64_t end = std::min<std::uint64_t>((i + 1) << kBlockShift, tensor_bytes);
    const std::uint64_t until = share_of(bytes, end, tensor_bytes);
    counts[i] = static_cast<std::uint32_t>(until - given);
    given = until;
  }
  return counts;
}

}  // namespace

Result<std::unique_ptr<ToldSession>> ToldSession::open(const char* path, const Topology& topology) {
  if (!take_turn()) {
    return make_error(ErrorCode::kUsage, 0,
                      "another context of this process writes a session; one at a time can");
  }
  const Nanoseconds now = os::monotonic_now();
  std::vector<session::TierRecord> tiers;
  for (const Tier& tier : topology.tiers) tiers.push_back(record_of(tier));
  std::unique_ptr<ToldSession> made(new ToldSession);
  const Status opened = made->writer_.open(
      expanded(path).c_str(),
      {header_of(topology, now), tiers.data(), static_cast<std::uint32_t>(tiers.size())});
  if (!opened) return opened.error();  // the destructor lets others have their turn
  made->last_record_ns_ = now.value;
  made->write_sources(now);
  return made;
}

ToldSession::~ToldSession() {
  writer_.close();
  session_of_process = 0;
}

std::uint32_t ToldSession::ordinal_of(std::uint64_t site, std::uint64_t bytes) {
  return ordinals_[{site, bytes}]++;
}

void ToldSession::born(Tensor& tensor, std::vector<std::uint8_t> tiers) {
  const std::lock_guard guard(lock_);
  const std::string name = name_of(tensor);
  tensor.told.object = next_object_++;
  tensor.told.read_bytes = tensor.read_bytes.load(std::memory_order_relaxed);
  tensor.told.written_bytes = tensor.written_bytes.load(std::memory_order_relaxed);
  tensor.told.size = tensor.bytes;
  tensor.told.tiers = std::move(tiers);
  session::ObjectBirth birth;
  birth.object = tensor.told.object;
  birth.key.site_hash = site_of(tensor);
  birth.key.size_bytes = tensor.bytes.value;
  birth.key.ordinal = ordinal_of(birth.key.site_hash, birth.key.size_bytes);
  birth.key.origin = Origin::kAnonymous;
  birth.base_address = reinterpret_cast<std::uintptr_t>(tensor.address);
  birth.born = os::monotonic_now();
  birth.block_tiers = tensor.told.tiers.data();
  birth.block_count = tensor.told.tiers.size();
  writer_.object_born(birth);
  session::NamedRangeRecord range{};
  range.bytes = tensor.bytes.value;
  range.memory_class = static_cast<std::uint8_t>(class_of(tensor.kind));
  range.confidence = 100;
  range.how = static_cast<std::uint8_t>(session::NamedHow::kApi);
  range.name_bytes = static_cast<std::uint32_t>(name.size());
  writer_.named(birth.object, range, name.c_str());
}

void ToldSession::ended(Tensor& tensor) {
  const std::lock_guard guard(lock_);
  if (tensor.told.object == 0) return;
  const Nanoseconds now = os::monotonic_now();
  write_heat(tensor, now);
  writer_.object_ended(tensor.told.object, now);
  tensor.told = {};
}

bool ToldSession::touched() {
  const std::uint64_t now = os::monotonic_now().value;
  last_touch_ns_.store(now, std::memory_order_relaxed);
  const Nanoseconds patience = steps_told_ ? kRecordWithinStep : kRecordEvery;
  return now - last_record_ns_.load(std::memory_order_relaxed) >= patience.value;
}

bool ToldSession::step_is_due(std::uint64_t steps) {
  const std::uint64_t now = os::monotonic_now().value;
  last_step_ns_.store(now, std::memory_order_relaxed);
  steps_told_.store(true, std::memory_order_relaxed);
  // What came before the first step is loading, and a record of its own.
  return steps == 0 || now - last_record_ns_.load(std::memory_order_relaxed) >= kRecordEvery.value;
}

/// More than a count holds goes into several records, which share the time.
void ToldSession::write_heat(SourceKind source, const Tensor& tensor, std::uint64_t bytes,
                             Nanoseconds now) {
  const std::uint64_t size = tensor.told.size.value;
  const std::uint64_t in_block = share_of(bytes, std::min(kBlockBytes.value, size), size);
  const std::uint64_t pieces = in_block / UINT32_MAX + 1;
  const std::uint64_t begin = last_record_ns_.load(std::memory_order_relaxed);
  const std::uint64_t length = now.value - begin;
  session::HeatRecord record{};
  record.object = tensor.told.object;
  record.source = static_cast<std::uint32_t>(source);
  for (std::uint64_t i = 0; i < pieces; ++i) {
    const std::uint64_t part = share_of(bytes, i + 1, pieces) - share_of(bytes, i, pieces);
    const std::vector<std::uint32_t> counts = spread(part, size);
    record.begin_ns = begin + share_of(length, i, pieces);
    record.end_ns = begin + share_of(length, i + 1, pieces);
    record.observed_ns = record.end_ns - record.begin_ns;
    record.block_count = counts.size();
    writer_.heat(record, counts.data());
  }
}

void ToldSession::write_heat(Tensor& tensor, Nanoseconds now) {
  const std::uint64_t read = tensor.read_bytes.load(std::memory_order_relaxed);
  const std::uint64_t written = tensor.written_bytes.load(std::memory_order_relaxed);
  const std::uint64_t new_written = written - tensor.told.written_bytes;
  if (now.value > last_record_ns_.load(std::memory_order_relaxed)) {
    write_heat(SourceKind::kHints, tensor, read - tensor.told.read_bytes + new_written, now);
    write_heat(SourceKind::kHintedWrites, tensor, new_written, now);
  }
  tensor.told.read_bytes = read;
  tensor.told.written_bytes = written;
}

void ToldSession::write_steps(Nanoseconds now, std::uint64_t steps) {
  if (marked_ && steps > marked_steps_ && now > last_mark_) {
    const std::uint64_t count = steps - marked_steps_;
    writer_.step({now.value, (now - last_mark_).value / count,
                  static_cast<std::uint32_t>(std::min<std::uint64_t>(count, UINT32_MAX)), 0});
  }
  writer_.mark({now.value, steps});
  last_mark_ = now;
  marked_steps_ = steps;
  marked_ = true;
}

/// What was told within the calls is the engine's own time; the records are ours.
void ToldSession::write_sources(Nanoseconds now) {
  session::SourceRecord record{};
  record.at_ns = now.value;
  record.source = static_cast<std::uint32_t>(SourceKind::kHints);
  record.choice = static_cast<std::uint32_t>(session::SourceChoice::kAsked);
  record.bytes_per_observation = 1;
  record.confidence_pct = 100;
  record.own_cpu_ns = own_cpu_.value;
  record.program_cpu_ns = os::process_cpu_now().value;
  writer_.source(record, "told by the engine through the C API; nothing was measured");
  record.source = static_cast<std::uint32_t>(SourceKind::kHintedWrites);
  record.own_cpu_ns = 0;
  writer_.source(record, "the written part of the hints; cost told with them");
  last_source_ = now;
}

void ToldSession::write_cost(Nanoseconds now) {
  session::CostRecord cost{};
  cost.at_ns = now.value;
  cost.cpu_ns = own_cpu_.value;
  cost.program_cpu_ns = (os::process_cpu_now() - own_cpu_).value;
  writer_.cost(cost);
}

void ToldSession::record_until(Nanoseconds now, const std::vector<PlacedTensor>& tensors,
                               Boundary boundary, std::uint64_t steps) {
  const Nanoseconds cpu_before = os::thread_cpu_now();
  for (const PlacedTensor& placed : tensors) {
    Tensor& tensor = *placed.tensor;
    if (tensor.told.object == 0) continue;
    write_heat(tensor, now);
    if (placed.tiers == tensor.told.tiers || placed.tiers.size() != tensor.told.tiers.size()) {
      continue;
    }
    tensor.told.tiers = placed.tiers;
    writer_.placement(tensor.told.object, tensor.told.tiers.data(), tensor.told.tiers.size());
  }
  if (boundary == Boundary::kWholeStep) write_steps(now, steps);
  write_cost(now);
  if (now - last_source_ >= kSourceEvery) write_sources(now);
  last_record_ns_.store(now.value, std::memory_order_relaxed);
  own_cpu_ = own_cpu_ + (os::thread_cpu_now() - cpu_before);
}

void ToldSession::record(const std::vector<PlacedTensor>& tensors, Boundary boundary,
                         std::uint64_t steps) {
  const std::lock_guard guard(lock_);
  const Nanoseconds now = os::monotonic_now();
  // Another thread may have been quicker.
  const bool first = boundary == Boundary::kWholeStep && !marked_;
  const std::uint64_t since = now.value - last_record_ns_.load(std::memory_order_relaxed);
  if (!first && since < kRecordEvery.value) return;
  record_until(now, tensors, boundary, steps);
}

void ToldSession::finish(const std::vector<PlacedTensor>& tensors, std::uint64_t steps) {
  const std::lock_guard guard(lock_);
  const Nanoseconds step(last_step_ns_.load(std::memory_order_relaxed));
  const Nanoseconds touch(last_touch_ns_.load(std::memory_order_relaxed));
  // A step that began and in which nothing was used is the end of the one before it.
  const Nanoseconds last = std::max(step, touch);
  const std::uint64_t complete = touch >= step || steps == 0 ? steps : steps - 1;
  if (last.value > last_record_ns_.load(std::memory_order_relaxed)) {
    record_until(last, tensors, steps_told_ ? Boundary::kWholeStep : Boundary::kNone, complete);
  }
  write_sources(os::monotonic_now());
}

}  // namespace terrace::capi
