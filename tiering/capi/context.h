// SPDX-License-Identifier: Apache-2.0
// A context of the C API: this process's tensors over a machine's tiers. Entry points (entry_*.cc)
// check what the caller gave and call one method; the methods stand in the file of their subject:
//   context.cc  open and close, tiers, hints, traffic    uses.cc    who may use or change a tensor
//   tensors.cc  allocate, free                           places.cc  where everything is
//   tensor_resize.cc  a tensor of another size           pools.cc   small blocks
//   contents.cc files loaded, memory adopted             events.cc  events and their handler
//   jobs.cc     queue and thread of the jobs             room.cc    room at the cost of others
//   session.cc  a session of what is told                losses.cc  memory errors
//   kv.cc       KV-caches over tensors, their sequences
// Two locks, never held together: `memory` serialises the mechanism and is held for a piece of a
// move at most, `control` guards jobs, pins, and who is at work on which tensor. Tables of handles
// have locks of their own, inside either. Methods return a status and leave the text to
// terrace_last_error(); they may throw std::bad_alloc. Thread-safe; allocates.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tiering/capi/failure.h"
#include "tiering/capi/handles.h"
#include "tiering/capi/job.h"
#include "tiering/capi/kv.h"
#include "tiering/capi/memory.h"
#include "tiering/capi/pool.h"
#include "tiering/capi/tensor.h"
#include "tiering/capi/told_session.h"
#include "tiering/migrate/mover.h"

namespace terrace::capi {

using TensorRef = std::shared_ptr<Tensor>;
using JobRef = std::shared_ptr<Job>;

struct ContextSettings {
  std::unique_ptr<Memory> memory;
  std::unique_ptr<migrate::Mover> mover;
  std::array<std::uint32_t, TERRACE_CLASS_COUNT> class_tier{};
  std::unique_ptr<ToldSession> session;  ///< null: none was asked for
  bool watch_errors = false;
};

/// Of a step and a phase in it.
struct Moment {
  std::uint64_t step = 0;
  std::uint32_t phase = 0;
  auto operator<=>(const Moment&) const = default;
};

/// Blocks that are not on the tier they were wished for on, by that tier.
struct Spill {
  std::array<std::uint64_t, TERRACE_MAX_TIERS> blocks{};
};

enum class Naming : std::uint8_t {
  kHandle,
  kNone,  ///< pages of a pool
};

struct PieceResult;

class Context {
 public:
  Context(std::uint32_t number, ContextSettings settings);
  /// Frees what is left. No call is in it any more.
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  /// Before anybody else knows the context.
  terrace_status watch_errors();
  /// Ends jobs and thread, and lets waiting calls go. Not by that thread.
  void stop();
  bool is_own_thread() const { return std::this_thread::get_id() == worker_id_.load(); }
  void lock_for_fork();
  void unlock_after_fork();
  void end_in_child();
  std::uint32_t number() const { return number_; }

  // What handles stand for; null: it has ended.
  TensorRef find(terrace_tensor handle) const { return tensors_.find(handle.id); }
  JobRef find(terrace_job handle) const { return jobs_.find(handle.id); }
  KvRef find(terrace_kv handle) const { return caches_.find(handle.id); }
  KvSequenceRef find(terrace_sequence handle) const { return sequences_.find(handle.id); }

  // Tiers
  std::uint32_t tier_count() const { return memory_->tier_count(); }
  terrace_status find_tier(const char* name, std::uint32_t& tier) const;
  terrace_tier_info tier_info(std::uint32_t tier);

  // Tensors
  terrace_status allocate(const terrace_tensor_options& options, Naming naming, TensorRef& tensor);
  terrace_status adopt(void* address, const terrace_tensor_options& options, TensorRef& tensor);
  terrace_status resize(const TensorRef& tensor, Bytes bytes, void*& address);
  terrace_status free(const TensorRef& tensor);
  terrace_status load(const TensorRef& tensor, const terrace_load_options& options,
                      terrace_load_report& report);
  terrace_status tensor_at(const void* address, std::uint64_t& handle);
  terrace_tensor_info tensor_info(const Tensor& tensor);
  terrace_status look(const TensorRef& tensor, std::uint32_t samples, std::uint32_t* tiers,
                      std::uint32_t& absent);

  // Hints
  void step();
  void phase(std::uint32_t phase);
  void next_use(Tensor& tensor, std::uint64_t steps_ahead, std::uint32_t phase);
  void touch(Tensor& tensor, std::uint64_t read_bytes, std::uint64_t written_bytes);
  terrace_traffic traffic() const;

  // Moving
  terrace_status pin(const TensorRef& tensor);
  terrace_status unpin(const TensorRef& tensor);
  terrace_status migrate(const TensorRef& tensor, const terrace_move_options& options,
                         std::uint64_t& job);
  terrace_status prefetch(const TensorRef& tensor, std::int32_t priority, std::uint64_t& job);
  terrace_job_info job_info(const JobRef& job);
  terrace_status wait(const JobRef& job, std::uint64_t timeout_ns);
  void cancel(const JobRef& job);
  terrace_status end_job(std::uint64_t handle);

  terrace_status set_event_handler(terrace_event_handler handler, void* user);

  // Pools
  terrace_status open_pool(const terrace_pool_options& options, std::uint64_t& handle);
  terrace_status close_pool(std::uint64_t handle);
  terrace_status pool_allocate(std::uint64_t handle, std::uint64_t bytes, std::uint64_t alignment,
                               void*& address);
  terrace_status pool_free(std::uint64_t handle, void* address);

  // KV-caches
  terrace_status open_kv(const terrace_kv_options& options, std::uint64_t& handle);
  terrace_status close_kv(std::uint64_t handle);
  /// The sequence of an open cache gets a handle.
  terrace_status name_sequence(const KvRef& cache, kv::SequenceRef sequence, std::uint64_t& handle);
  terrace_status end_sequence(std::uint64_t handle);

 private:
  // tensors.cc
  static terrace_status read_identity(const terrace_tensor_options& options, Tensor& tensor);
  terrace_status read_wish(const terrace_tensor_options& options, Wish& wish) const;
  terrace_status take_tiers(const Tensor& tensor, extent::Object& object, std::uint32_t from);
  void give_back(const extent::Object& object, std::uint32_t from);
  terrace_status map(const Tensor& tensor, extent::Object& object);
  terrace_status make(Tensor& tensor);
  terrace_status name(const TensorRef& tensor);
  void end_memory(Tensor& tensor);
  void count_tiers(Tensor& tensor);
  Spill spill_of(const Tensor& tensor, std::uint32_t from) const;
  void tell_spill(std::uint64_t tensor, const Spill& spill);

  // tensor_resize.cc
  void shrink(Tensor& tensor, std::uint32_t blocks);
  terrace_status grow(Tensor& tensor, Bytes bytes);
  void move_content(const extent::Object& from, const extent::Object& to);
  terrace_status resize_now(Tensor& tensor, Bytes bytes, Spill& spill);

  // contents.cc
  terrace_status check_free_range(const char* begin, const char* end) const;
  void keep(Tensor& tensor, std::vector<KeptRange> ranges);
  terrace_status begin_load(Tensor& tensor, const terrace_load_options& options, int fd,
                            KeptRange& range);
  void end_load(Tensor& tensor, KeptRange range);

  // places.cc
  std::uint64_t untouched_blocks(std::uint32_t tier);
  void adopted_places(const Tensor& tensor, std::uint32_t samples, std::uint32_t* tiers,
                      std::uint32_t& absent) const;
  void look_at_blocks(const Tensor& tensor, std::uint32_t samples, std::uint32_t* tiers,
                      std::uint32_t& absent) const;

  // session.cc
  std::vector<std::uint8_t> tiers_for_session(const Tensor& tensor) const;
  std::vector<PlacedTensor> placed_tensors();
  void tell_birth(Tensor& tensor);
  void tell_end(Tensor& tensor);
  void tell_resize(Tensor& tensor);
  void tell_step(std::uint64_t complete);
  void tell_touch();
  void end_session();

  // uses.cc
  template <typename Ready>
  void wait_for_tensor(Tensor& tensor, std::unique_lock<std::mutex>& lock, Ready ready);
  /// The tensor's memory stays from begin to end; one that may change it alone waits for the
  /// others.
  terrace_status begin_use(Tensor& tensor);
  void end_use(Tensor& tensor);
  terrace_status begin_change(Tensor& tensor);
  void end_change(Tensor& tensor);

  // jobs.cc
  terrace_status check_move(const Tensor& tensor, const terrace_move_options& options, Job& job);
  void cancel_all_of(const Tensor& tensor);
  void end(Job& job, terrace_status result, const char* reason);
  JobRef next_job();
  void start_worker();
  void work();
  void run_piece(const JobRef& job, std::unique_lock<std::mutex>& lock);
  void account(Job& job, const PieceResult& result);
  void add_traffic(const PieceResult& result, std::uint32_t to);

  // events.cc
  void post(const terrace_event& event);
  void deliver(std::unique_lock<std::mutex>& lock);

  // context.cc
  void tell_loss(const Loss& loss);

  // room.cc
  Moment next_use_of(const Tensor& tensor) const;
  TensorRef victim_for(const Job& job);
  std::uint32_t lacking_room(const Job& job, std::uint32_t first, std::uint32_t stop);
  void make_room(Job& job, std::uint32_t first, std::uint32_t stop);
  Bytes evict(Tensor& victim, std::uint32_t tier, std::uint32_t blocks);

  // pools.cc
  void* map_for_pool(Pool& pool, terrace_class kind, std::size_t bytes) noexcept;
  bool unmap_for_pool(Pool& pool, void* at) noexcept;

  // kv.cc
  terrace_status take_kv_pools(const KvPlan& plan, std::vector<kv::TierPool>& pools, Kv& cache);
  void forget_sequences(Kv& cache);

  const std::uint32_t number_;
  std::unique_ptr<Memory> memory_;
  std::unique_ptr<migrate::Mover> mover_;
  const std::array<std::uint32_t, TERRACE_CLASS_COUNT> class_tier_;
  std::unique_ptr<LossWatch> losses_;  ///< null: memory errors are not watched

  std::mutex memory_lock_;
  std::map<const char*, TensorRef> adopted_;  ///< by address; under memory_lock_

  mutable std::mutex control_;
  std::condition_variable work_there_;  ///< the thread's
  std::condition_variable changed_;     ///< of everybody who waits for a job, tensor or handler
  std::vector<JobRef> queue_;           ///< that have not ended, oldest first
  std::deque<terrace_event> events_;
  terrace_event_handler handler_ = nullptr;
  void* handler_user_ = nullptr;
  bool in_handler_ = false;
  const Job* at_work_ = nullptr;  ///< whose piece is being moved
  bool stopping_ = false;
  std::thread worker_;
  std::atomic<std::thread::id> worker_id_{};

  HandleTable<Tensor> tensors_;
  HandleTable<Job> jobs_;
  HandleTable<Pool> pools_;
  HandleTable<Kv> caches_;
  HandleTable<KvSequence> sequences_;

  std::unique_ptr<ToldSession> session_;

  std::atomic<std::uint64_t> step_{0};
  std::atomic<std::uint32_t> phase_{0};
  struct TierTraffic {
    std::atomic<std::uint64_t> read{0};
    std::atomic<std::uint64_t> written{0};
    std::atomic<std::uint64_t> moved_in{0};
    std::atomic<std::uint64_t> moved_out{0};
  };
  TierTraffic tier_traffic_[TERRACE_MAX_TIERS];
  std::atomic<std::uint64_t> spilled_{0};
  std::atomic<std::uint64_t> evicted_{0};
  std::atomic<std::uint64_t> dropped_events_{0};
};

/// Discovers the tiers and opens what a context on them works with.
terrace_status read_settings(const terrace_options& options, ContextSettings& settings);

}  // namespace terrace::capi
