// SPDX-License-Identifier: Apache-2.0
#include "allocators/kv/copy_queue.h"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <map>
#include <mutex>
#include <system_error>
#include <utility>

#include "allocators/os/clock.h"
#include "allocators/os/thread.h"

namespace terrace::kv {

namespace {

/// What is copied between two looks at the queue: some 0.1 ms of memory's time.
constexpr std::uint64_t kPieceBytes = 1u << 20;

}  // namespace

class CopyQueue::State {
 public:
  explicit State(const Shape& shape) : shape_(shape) {
    const int error = thread_.start(&State::enter, this, "terrace-kv-copy");
    if (error != 0) {
      throw std::system_error(error, std::generic_category(), "no thread for copies of KV blocks");
    }
  }
  ~State() { stop(); }

  void submit(const std::shared_ptr<CopyJob>& job);
  bool wait_layer(CopyJob& job, std::uint32_t layer);
  void cancel(CopyJob& job);
  void drain();
  CopyStats stats() const {
    const std::lock_guard lock(mutex_);
    CopyStats stats = stats_;
    stats.waiting = callers_;
    return stats;
  }

 private:
  using Lock = std::unique_lock<std::mutex>;
  /// The most urgent first: higher priority, then lower number.
  using Order = std::pair<std::int64_t, std::uint64_t>;
  using Jobs = std::map<Order, std::shared_ptr<CopyJob>>;
  static Order order_of(const CopyJob& job) { return {-std::int64_t{job.priority_}, job.number_}; }

  static void* enter(void* state) {
    static_cast<State*>(state)->work();
    return nullptr;
  }
  void stop();
  void work();
  void run_piece(Lock& lock);
  void move_to_ending(Jobs::iterator job);
  void copy_piece(CopyJob& job) const;
  void end_one(Lock& lock);
  void mark_cancelled(CopyJob& job);
  bool is_idle() const { return waiting_.empty() && ending_.empty() && !telling_; }

  const Shape shape_;
  mutable std::mutex mutex_;
  std::condition_variable work_there_;  ///< the thread's
  std::condition_variable changed_;     ///< of everybody who waits for a layer or an end
  Jobs waiting_;                        ///< the one at work as well
  Jobs ending_;                         ///< nothing left but when_done; in the order of their ends
  const CopyJob* copying_ = nullptr;    ///< whose piece is being copied
  bool telling_ = false;                ///< a when_done runs
  std::uint64_t next_number_ = 0;
  std::uint64_t next_end_ = 0;
  std::uint32_t callers_ = 0;  ///< in wait_layer() and drain()
  bool stopping_ = false;
  CopyStats stats_;
  os::JoinedThread thread_;
};

void CopyQueue::State::submit(const std::shared_ptr<CopyJob>& job) {
  const std::lock_guard lock(mutex_);
  job->number_ = next_number_++;
  const auto at = waiting_.emplace(order_of(*job), job).first;
  if (job->copies_.empty() || shape_.block_bytes().value == 0) {
    job->layers_done_.store(shape_.layers, std::memory_order_release);
    move_to_ending(at);
  }
  // One that comes from a when_done while the queue is being destroyed ends with the others.
  if (stopping_) mark_cancelled(*job);
  work_there_.notify_one();
}

/// With its node: the queue's thread has nobody to tell that there is no memory.
void CopyQueue::State::move_to_ending(Jobs::iterator job) {
  Jobs::node_type node = waiting_.extract(job);
  node.key() = {0, next_end_++};
  ending_.insert(std::move(node));
}

bool CopyQueue::State::wait_layer(CopyJob& job, std::uint32_t layer) {
  const std::uint32_t wanted = std::min(layer, shape_.layers - 1);
  if (job.layers_done() > wanted) return true;
  Lock lock(mutex_);
  ++callers_;
  changed_.wait(lock, [&] { return job.layers_done() > wanted || job.cancelled(); });
  --callers_;
  if (stopping_) changed_.notify_all();
  return job.layers_done() > wanted;
}

/// Under the lock. A job whose last layer is there has not been cancelled any more.
void CopyQueue::State::mark_cancelled(CopyJob& job) {
  const auto found = waiting_.find(order_of(job));
  if (found == waiting_.end() || found->second.get() != &job) return;
  job.cancelled_.store(true, std::memory_order_release);
  move_to_ending(found);
}

void CopyQueue::State::cancel(CopyJob& job) {
  Lock lock(mutex_);
  mark_cancelled(job);
  work_there_.notify_one();
  changed_.notify_all();
  // Never for long in a when_done: no piece is being copied then.
  changed_.wait(lock, [&] { return copying_ != &job; });
}

void CopyQueue::State::drain() {
  Lock lock(mutex_);
  ++callers_;
  changed_.wait(lock, [&] { return is_idle(); });
  --callers_;
  if (stopping_) changed_.notify_all();
}

void CopyQueue::State::stop() {
  {
    Lock lock(mutex_);
    stopping_ = true;
    while (!waiting_.empty()) mark_cancelled(*waiting_.begin()->second);
    work_there_.notify_one();
    changed_.notify_all();
  }
  thread_.join();
  Lock lock(mutex_);
  changed_.wait(lock, [&] { return callers_ == 0; });
}

void CopyQueue::State::work() {
  Lock lock(mutex_);
  while (true) {
    if (!ending_.empty()) {
      end_one(lock);
    } else if (!waiting_.empty()) {
      run_piece(lock);
    } else if (stopping_) {
      return;
    } else {
      work_there_.wait(lock);
    }
  }
}

/// Up to kPieceBytes of the layer that the job is at. No lock is held: this is where the time goes.
void CopyQueue::State::copy_piece(CopyJob& job) const {
  const std::uint64_t part = shape_.layer_bytes.value;
  const std::uint64_t layer_at = job.layers_done_.load(std::memory_order_relaxed) * part;
  std::uint64_t left = kPieceBytes;
  while (left > 0 && job.block_ < job.copies_.size()) {
    const BlockCopy& copy = job.copies_[job.block_];
    const std::uint64_t bytes = std::min(left, part - job.offset_);
    std::memcpy(copy.to + layer_at + job.offset_, copy.from + layer_at + job.offset_, bytes);
    left -= bytes;
    job.offset_ += bytes;
    if (job.offset_ < part) continue;
    job.offset_ = 0;
    ++job.block_;
  }
}

void CopyQueue::State::run_piece(Lock& lock) {
  const std::shared_ptr<CopyJob> job = waiting_.begin()->second;
  copying_ = job.get();
  lock.unlock();
  const Nanoseconds began = os::monotonic_now();
  copy_piece(*job);
  const Nanoseconds took = os::monotonic_now() - began;
  lock.lock();
  copying_ = nullptr;
  stats_.busy = stats_.busy + took;
  if (!job->cancelled() && job->block_ == job->copies_.size()) {
    job->block_ = 0;
    // Release: who sees the number sees the bytes.
    if (job->layers_done_.fetch_add(1, std::memory_order_release) + 1 == shape_.layers) {
      stats_.blocks += job->copies_.size();
      move_to_ending(waiting_.find(order_of(*job)));
    }
  }
  changed_.notify_all();
}

void CopyQueue::State::end_one(Lock& lock) {
  const std::shared_ptr<CopyJob> job = std::move(ending_.begin()->second);
  ending_.erase(ending_.begin());
  telling_ = true;
  lock.unlock();
  // Gone before the job counts as ended, with all that it holds.
  if (const std::function<void()> told = std::move(job->when_done_)) told();
  job->when_done_ = nullptr;
  lock.lock();
  telling_ = false;
  ++stats_.jobs;
  job->ended_.store(true, std::memory_order_release);
  changed_.notify_all();
}

CopyQueue::CopyQueue(const Shape& shape) : state_(std::make_unique<State>(shape)) {}
CopyQueue::~CopyQueue() = default;

std::shared_ptr<CopyJob> CopyQueue::submit(std::vector<BlockCopy> copies, std::int32_t priority,
                                           std::function<void()> when_done) {
  auto job = std::make_shared<CopyJob>();
  job->copies_ = std::move(copies);
  job->priority_ = priority;
  job->when_done_ = std::move(when_done);
  state_->submit(job);
  return job;
}

bool CopyQueue::wait_layer(CopyJob& job, std::uint32_t layer) {
  return state_->wait_layer(job, layer);
}
void CopyQueue::cancel(CopyJob& job) {
  state_->cancel(job);
}
void CopyQueue::drain() {
  state_->drain();
}
CopyStats CopyQueue::stats() const {
  return state_->stats();
}

}  // namespace terrace::kv
