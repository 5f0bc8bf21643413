// SPDX-License-Identifier: Apache-2.0
#include "tiering/capi/context.h"

#include <utility>

namespace terrace::capi {
namespace {

terrace_status find_tier_in(const Topology& topology, const char* name, std::uint32_t& tier) {
  std::string known;
  for (std::uint32_t i = 0; i < topology.tiers.size(); ++i) {
    if (topology.tiers[i].name == name) {
      tier = i;
      return TERRACE_OK;
    }
    known += (i == 0 ? "" : ", ") + topology.tiers[i].name;
  }
  return fail(TERRACE_BAD_ARGUMENT, "no tier is called \"%.63s\"; there are: %s", name,
              known.c_str());
}

terrace_status read_class_tiers(const terrace_options& options, ContextSettings& settings) {
  for (std::size_t kind = 0; kind < TERRACE_CLASS_COUNT; ++kind) {
    if (options.class_tier[kind] == nullptr) continue;
    const terrace_status found = find_tier_in(settings.memory->topology, options.class_tier[kind],
                                              settings.class_tier[kind]);
    if (found != TERRACE_OK) return found;
  }
  return TERRACE_OK;
}

}  // namespace

terrace_status read_settings(const terrace_options& options, ContextSettings& settings) {
  if ((options.flags & ~static_cast<std::uint32_t>(TERRACE_OPEN_WATCH_ERRORS)) != 0) {
    return fail(TERRACE_BAD_ARGUMENT, "terrace_options.flags has an unknown bit: %#x",
                options.flags);
  }
  settings.watch_errors = options.flags != 0;
  DiscoveryOptions discovery;
  if (options.tiers_file != nullptr) discovery.tiers_file = options.tiers_file;
  if (options.calibration_file != nullptr) discovery.calibration_file = options.calibration_file;
  const auto found = discover_topology(discovery);
  if (!found) return fail(found.error());
  Topology usable = found->usable();
  if (usable.tiers.empty()) {
    return fail(TERRACE_UNSUPPORTED, "no tier may be used here; `terrace topo` says why");
  }
  if (usable.tiers.size() > extent::kMaxTiers) {
    return fail(TERRACE_UNSUPPORTED,
                "%zu tiers; a context works with %u at most: join some in a "
                "tier file",
                usable.tiers.size(), extent::kMaxTiers);
  }
  auto memory = Memory::open(std::move(usable));
  if (!memory) return fail(memory.error());
  settings.memory = std::move(*memory);
  migrate::MoverOptions mover_options;
  if (options.move_threads > 256) {
    return fail(TERRACE_BAD_ARGUMENT, "terrace_options.move_threads is %u; 256 at most",
                options.move_threads);
  }
  if (options.move_threads != 0) mover_options.threads = static_cast<int>(options.move_threads);
  mover_options.bytes_per_second = Bytes(options.move_bytes_per_second);
  auto mover = migrate::Mover::create(mover_options);
  if (!mover) return fail(mover.error());
  settings.mover = std::move(*mover);
  const terrace_status done = read_class_tiers(options, settings);
  if (done != TERRACE_OK || options.session_file == nullptr) return done;
  if (options.session_file[0] == '\0') {
    return fail(TERRACE_BAD_ARGUMENT, "terrace_options.session_file is empty; NULL is for none");
  }
  auto session = ToldSession::open(options.session_file, settings.memory->topology);
  if (!session) return fail(session.error());
  settings.session = std::move(*session);
  return TERRACE_OK;
}

Context::Context(std::uint32_t number, ContextSettings settings)
    : number_(number),
      memory_(std::move(settings.memory)),
      mover_(std::move(settings.mover)),
      class_tier_(settings.class_tier),
      tensors_(HandleKind::kTensor, number),
      jobs_(HandleKind::kJob, number),
      pools_(HandleKind::kPool, number),
      caches_(HandleKind::kKv, number),
      sequences_(HandleKind::kSequence, number),
      session_(std::move(settings.session)) {}

Context::~Context() {
  stop();
  for (const KvRef& cache : caches_.all()) (void)close_kv(cache->handle);
  end_session();
  for (const auto& pool : pools_.all()) pool->blocks.reset();
  for (const TensorRef& tensor : tensors_.all()) end_memory(*tensor);
  losses_.reset();
  mover_.reset();
  Memory::close(std::move(memory_));
}

terrace_status Context::watch_errors() {
  auto watch = LossWatch::start(
      *memory_, [](void* self, const Loss& loss) { static_cast<Context*>(self)->tell_loss(loss); },
      this);
  if (!watch) return fail(watch.error());
  losses_ = std::move(*watch);
  return TERRACE_OK;
}

void Context::tell_loss(const Loss& loss) {
  terrace_event event{};
  event.struct_size = sizeof event;
  event.kind = loss.restored ? TERRACE_EVENT_RESTORED : TERRACE_EVENT_LOSS;
  event.tensor.id = loss.tensor;
  event.tier = loss.tier;
  event.to_tier = loss.tier;
  event.bytes = loss.bytes;
  event.offset = loss.offset;
  event.address = loss.at;
  if (const TensorRef tensor = tensors_.find(loss.tensor); tensor != nullptr) {
    const std::lock_guard lock(memory_lock_);
    if (tensor->object != nullptr) count_tiers(*tensor);
  }
  post(event);
}

void Context::end_in_child() {
  if (losses_ != nullptr) losses_->end_in_child();
}

void Context::lock_for_fork() {
  memory_lock_.lock();
}

void Context::unlock_after_fork() {
  memory_lock_.unlock();
}

terrace_status Context::find_tier(const char* name, std::uint32_t& tier) const {
  return find_tier_in(memory_->topology, name, tier);
}

void Context::step() {
  if (session_ != nullptr) tell_step(step_.load(std::memory_order_relaxed));
  step_.fetch_add(1, std::memory_order_relaxed);
  phase_.store(0, std::memory_order_relaxed);
}

void Context::phase(std::uint32_t phase) {
  phase_.store(phase, std::memory_order_relaxed);
}

void Context::next_use(Tensor& tensor, std::uint64_t steps_ahead, std::uint32_t phase) {
  const std::uint64_t now = step_.load(std::memory_order_relaxed);
  // The last number stands for unknown.
  const std::uint64_t step =
      steps_ahead < kUnknownUse - 1 - now ? now + steps_ahead : kUnknownUse - 1;
  tensor.next_phase.store(phase, std::memory_order_relaxed);
  tensor.next_step.store(step, std::memory_order_relaxed);
}

void Context::touch(Tensor& tensor, std::uint64_t read_bytes, std::uint64_t written_bytes) {
  tensor.read_bytes.fetch_add(read_bytes, std::memory_order_relaxed);
  tensor.written_bytes.fetch_add(written_bytes, std::memory_order_relaxed);
  std::uint32_t blocks[TERRACE_MAX_TIERS];
  std::uint64_t all = 0;
  for (std::uint32_t i = 0; i < tier_count(); ++i) {
    blocks[i] = tensor.tier_blocks[i].load(std::memory_order_relaxed);
    all += blocks[i];
  }
  for (std::uint32_t i = 0; i < tier_count() && all != 0; ++i) {
    if (blocks[i] == 0) continue;
    const double share = static_cast<double>(blocks[i]) / static_cast<double>(all);
    const auto part = [&](std::uint64_t bytes) {
      return blocks[i] == all ? bytes
                              : static_cast<std::uint64_t>(static_cast<double>(bytes) * share);
    };
    tier_traffic_[i].read.fetch_add(part(read_bytes), std::memory_order_relaxed);
    tier_traffic_[i].written.fetch_add(part(written_bytes), std::memory_order_relaxed);
  }
  if (session_ != nullptr) tell_touch();
}

terrace_traffic Context::traffic() const {
  terrace_traffic traffic{};
  traffic.step = step_.load(std::memory_order_relaxed);
  traffic.phase = phase_.load(std::memory_order_relaxed);
  for (std::uint32_t i = 0; i < tier_count(); ++i) {
    traffic.read_bytes[i] = tier_traffic_[i].read.load(std::memory_order_relaxed);
    traffic.written_bytes[i] = tier_traffic_[i].written.load(std::memory_order_relaxed);
    traffic.moved_in_bytes[i] = tier_traffic_[i].moved_in.load(std::memory_order_relaxed);
    traffic.moved_out_bytes[i] = tier_traffic_[i].moved_out.load(std::memory_order_relaxed);
  }
  traffic.spilled_bytes = spilled_.load(std::memory_order_relaxed);
  traffic.evicted_bytes = evicted_.load(std::memory_order_relaxed);
  traffic.dropped_events = dropped_events_.load(std::memory_order_relaxed);
  if (losses_ != nullptr) {
    traffic.dropped_events += losses_->dropped();
    traffic.lost_bytes = losses_->lost().value;
    traffic.restored_bytes = losses_->restored().value;
  }
  return traffic;
}

}  // namespace terrace::capi
