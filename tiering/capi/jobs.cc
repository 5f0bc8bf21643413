// SPDX-License-Identifier: Apache-2.0
// Jobs, and the context's own thread: it moves the most urgent job's next piece, makes room for it,
// and calls the handler of events (events.cc).
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <utility>

#include "allocators/base/block_bytes.h"
#include "tiering/capi/context.h"
#include "tiering/capi/moves.h"

namespace terrace::capi {

terrace_status Context::check_move(const Tensor& tensor, const terrace_move_options& options,
                                   Job& job) {
  if ((options.flags & ~static_cast<std::uint32_t>(TERRACE_MOVE_MAKE_ROOM)) != 0) {
    return fail(TERRACE_BAD_ARGUMENT, "terrace_move_options.flags has an unknown bit: %#x",
                options.flags);
  }
  if (options.tier == nullptr) {
    return fail(TERRACE_BAD_ARGUMENT, "terrace_move_options.tier is null; name a tier");
  }
  const terrace_status found = find_tier(options.tier, job.to);
  if (found != TERRACE_OK) return found;
  if (tensor.adopted && memory_->topology.tiers[job.to].backing != BackingKind::kNuma) {
    return fail(TERRACE_UNSUPPORTED, "adopted memory goes to tiers of NUMA nodes, and %s is none",
                options.tier);
  }
  if (memory_->is_shared(job.to) && !memory_->exchange.possible()) {
    return fail(memory_->no_exchange);
  }
  const std::lock_guard lock(memory_lock_);
  const std::uint64_t size = tensor.bytes.value;
  if (options.offset >= size || options.bytes > size - options.offset) {
    return fail(TERRACE_BAD_ARGUMENT, "bytes %llu to %llu of a tensor of %llu",
                static_cast<unsigned long long>(options.offset),
                static_cast<unsigned long long>(options.offset + options.bytes),
                static_cast<unsigned long long>(size));
  }
  job.next = static_cast<std::uint32_t>(options.offset >> kBlockShift);
  job.end = block_count_for(Bytes(options.bytes == 0 ? size : options.offset + options.bytes));
  job.total = Bytes(std::uint64_t{job.end - job.next} << kBlockShift);
  if (tensor.object != nullptr) {
    const std::uint8_t* const tiers = memory_->arena.tiers_of(*tensor.object);
    const auto there = static_cast<std::uint64_t>(
        std::count(tiers + job.next, tiers + std::min(job.end, tensor.object->block_count),
                   static_cast<std::uint8_t>(job.to)));
    job.total -= Bytes(there << kBlockShift);
  }
  return TERRACE_OK;
}

terrace_status Context::migrate(const TensorRef& tensor, const terrace_move_options& options,
                                std::uint64_t& handle) {
  auto job = std::make_shared<Job>();
  const terrace_status checked = check_move(*tensor, options, *job);
  if (checked != TERRACE_OK) return checked;
  job->tensor = tensor;
  job->priority = options.priority;
  job->makes_room = (options.flags & TERRACE_MOVE_MAKE_ROOM) != 0;
  const std::lock_guard lock(control_);
  if (tensor->ended) return fail_freed();
  if (tensor->pins != 0) {
    return fail(TERRACE_BUSY, "the tensor is pinned %u times; unpin it first", tensor->pins);
  }
  if (stopping_) return fail(TERRACE_BAD_HANDLE, "the context is being closed");
  start_worker();
  queue_.reserve(queue_.size() + 1);
  const std::uint64_t added = jobs_.add(job);
  if (added == 0) {
    return fail(TERRACE_NO_MEMORY, "%u jobs have a handle; end those that are over", kMaxSlots);
  }
  handle = added;
  queue_.push_back(std::move(job));
  work_there_.notify_one();
  return TERRACE_OK;
}

terrace_status Context::prefetch(const TensorRef& tensor, std::int32_t priority,
                                 std::uint64_t& job) {
  terrace_move_options options{};
  options.struct_size = sizeof options;
  options.flags = TERRACE_MOVE_MAKE_ROOM;
  options.tier = memory_->topology.tiers.front().name.c_str();
  options.priority = priority;
  return migrate(tensor, options, job);
}

terrace_job_info Context::job_info(const JobRef& job) {
  terrace_job_info info{};
  const std::lock_guard lock(control_);
  info.state = job->state;
  info.result = job->result;
  info.total_bytes = job->total.value;
  info.moved_bytes = job->moved.value;
  info.evicted_bytes = job->evicted.value;
  info.longest_hold_ns = job->longest_hold.value;
  std::snprintf(info.reason, sizeof info.reason, "%s", job->reason.c_str());
  return info;
}

terrace_status Context::wait(const JobRef& job, std::uint64_t timeout_ns) {
  constexpr std::uint64_t kForEver = 1'000'000'000'000'000'000;  // 31 years
  if (is_own_thread()) {
    return fail(TERRACE_BUSY,
                "a handler of events cannot wait for a job, which the same thread "
                "would carry out");
  }
  std::unique_lock lock(control_);
  const auto over = [&] { return job->state == TERRACE_JOB_ENDED; };
  if (timeout_ns >= kForEver) {
    changed_.wait(lock, over);
  } else if (!changed_.wait_for(lock, std::chrono::nanoseconds(timeout_ns), over)) {
    return fail(TERRACE_TIMED_OUT, "the job goes on: %llu of %llu bytes have moved",
                static_cast<unsigned long long>(job->moved.value),
                static_cast<unsigned long long>(job->total.value));
  }
  if (job->result == TERRACE_OK) return TERRACE_OK;
  return fail(job->result, "%s", job->reason.c_str());
}

void Context::cancel(const JobRef& job) {
  const std::lock_guard lock(control_);
  if (job->state == TERRACE_JOB_ENDED) return;
  job->cancelled = true;
  // A piece that is under way is finished first.
  if (job.get() != at_work_) end(*job, TERRACE_CANCELLED, "the job was cancelled");
}

terrace_status Context::end_job(std::uint64_t handle) {
  return jobs_.remove(handle) != nullptr ? TERRACE_OK : fail_ended(handle, HandleKind::kJob);
}

void Context::cancel_all_of(const Tensor& tensor) {
  const std::vector<JobRef> all = queue_;
  for (const JobRef& job : all) {
    if (job->tensor.get() == &tensor) end(*job, TERRACE_CANCELLED, "its tensor was freed");
  }
}

void Context::end(Job& job, terrace_status result, const char* reason) {
  if (job.state == TERRACE_JOB_ENDED) return;
  job.state = TERRACE_JOB_ENDED;
  job.result = result;
  job.reason = reason;
  const auto same = [&](const JobRef& other) { return other.get() == &job; };
  queue_.erase(std::remove_if(queue_.begin(), queue_.end(), same), queue_.end());
  changed_.notify_all();
}

/// The most urgent of those whose tensor may be moved now; of equals the oldest.
JobRef Context::next_job() {
  JobRef best;
  for (const JobRef& job : queue_) {
    const Tensor& tensor = *job->tensor;
    const bool free = !tensor.moving && tensor.users == 0 && tensor.wanted == 0 && !tensor.ended;
    if (free && (best == nullptr || job->priority > best->priority)) best = job;
  }
  return best;
}

void Context::start_worker() {
  if (worker_.joinable()) return;
  worker_ = std::thread([this] { work(); });
}

void Context::work() {
  worker_id_.store(std::this_thread::get_id());
  std::unique_lock lock(control_);
  while (!stopping_) {
    if (!events_.empty() && handler_ != nullptr) {
      deliver(lock);
    } else if (const JobRef job = next_job()) {
      run_piece(job, lock);
    } else {
      work_there_.wait(lock);
    }
  }
}

void Context::stop() {
  {
    const std::lock_guard lock(control_);
    stopping_ = true;
    const std::vector<JobRef> all = queue_;
    for (const JobRef& job : all) {
      job->cancelled = true;
      if (job.get() != at_work_) end(*job, TERRACE_CANCELLED, "the context was closed");
    }
    work_there_.notify_all();
    changed_.notify_all();
  }
  if (worker_.joinable()) worker_.join();
}

/// A job's next piece. What is thrown for lack of memory ends the job.
void Context::run_piece(const JobRef& job, std::unique_lock<std::mutex>& lock) {
  Tensor& tensor = *job->tensor;
  if (tensor.pins != 0) {
    end(*job, TERRACE_BUSY, "the tensor was pinned");
    return;
  }
  const std::uint32_t first = job->next;
  const std::uint32_t stop = std::min(job->end, first + kPieceBlocks);
  job->state = TERRACE_JOB_RUNNING;
  at_work_ = job.get();
  tensor.moving = true;
  lock.unlock();
  const terrace_status done = guarded([&]() -> terrace_status {
    if (job->makes_room && !tensor.adopted) make_room(*job, first, stop);
    Piece piece(*memory_, memory_lock_, *mover_, tensor, first, stop, job->to);
    const terrace_status moved = piece.run();
    account(*job, piece.result());
    return moved;
  });
  lock.lock();
  tensor.moving = false;
  at_work_ = nullptr;
  job->next = stop;
  if (done != TERRACE_OK) {
    end(*job, done, last_failure());
  } else if (stop >= job->end) {
    end(*job, TERRACE_OK, "");
  } else if (job->cancelled) {
    end(*job, TERRACE_CANCELLED, "the job was cancelled");
  }
  changed_.notify_all();
}

void Context::account(Job& job, const PieceResult& result) {
  const std::uint64_t moved = result.moved().value;
  job.tensor->moved_bytes.fetch_add(moved, std::memory_order_relaxed);
  add_traffic(result, job.to);
  const std::lock_guard lock(control_);
  job.moved += Bytes(moved);
  job.longest_hold = std::max(job.longest_hold, result.longest_hold);
}

void Context::add_traffic(const PieceResult& result, std::uint32_t to) {
  for (std::uint32_t i = 0; i < TERRACE_MAX_TIERS; ++i) {
    tier_traffic_[i].moved_out.fetch_add(result.blocks_from[i] << kBlockShift,
                                         std::memory_order_relaxed);
  }
  tier_traffic_[to].moved_in.fetch_add(result.moved().value, std::memory_order_relaxed);
}

}  // namespace terrace::capi
