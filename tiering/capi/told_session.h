// SPDX-License-Identifier: Apache-2.0
// A session of what the engine tells through the C API: tensors with their names, what it reads and
// writes of them (terrace_touch), and its steps. The same file as the recorder's, with source 7;
// `terrace report` and `terrace plan` read it. Nothing is measured: figures are as exact as what
// was told. Context::session.cc fills it. A record is written at the first step that begins a
// second or more after the last one, so that records and marks lie between whole steps; without
// steps at a touch then. Thread-safe: each method locks, and the caller holds no lock of the
// context's. Allocates.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <terrace/topology.h>

#include "profiler/session/session_writer.h"
#include "tiering/capi/tensor.h"

namespace terrace::capi {

/// A tensor with where its blocks are, as the record to be written shall have it.
struct PlacedTensor {
  std::shared_ptr<Tensor> tensor;
  std::vector<std::uint8_t> tiers;
};

class ToldSession {
 public:
  /// `path` with %p for the process id and %% for a percent sign. Errors: kUsage when another
  /// context of this process writes a session; kIo when the file cannot be made.
  static Result<std::unique_ptr<ToldSession>> open(const char* path, const Topology& topology);
  /// Writes what is left, taking the last use for the end of the last step, and closes the file.
  ~ToldSession();
  ToldSession(const ToldSession&) = delete;
  ToldSession& operator=(const ToldSession&) = delete;

  void born(Tensor& tensor, std::vector<std::uint8_t> tiers);
  void ended(Tensor& tensor);
  /// Is it time for a record? Lock-free; remembers that there was use.
  bool touched();
  /// The same of a step, before it begins, when `steps` are complete.
  bool step_is_due(std::uint64_t steps);

  enum class Boundary : std::uint8_t {
    kNone,      ///< in the middle of a step, or nobody tells steps
    kWholeStep  ///< `steps` are complete
  };
  void record(const std::vector<PlacedTensor>& tensors, Boundary boundary, std::uint64_t steps);
  /// The last record, at the last use.
  void finish(const std::vector<PlacedTensor>& tensors, std::uint64_t steps);

 private:
  ToldSession() = default;
  void record_until(Nanoseconds now, const std::vector<PlacedTensor>& tensors, Boundary boundary,
                    std::uint64_t steps);
  void write_heat(Tensor& tensor, Nanoseconds now);
  void write_heat(session::SourceKind source, const Tensor& tensor, std::uint64_t bytes,
                  Nanoseconds now);
  void write_steps(Nanoseconds now, std::uint64_t steps);
  void write_sources(Nanoseconds now);
  void write_cost(Nanoseconds now);
  std::uint32_t ordinal_of(std::uint64_t site, std::uint64_t bytes);

  std::mutex lock_;
  session::SessionWriter writer_;
  std::uint64_t next_object_ = 1;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::uint32_t> ordinals_;
  Nanoseconds last_mark_;
  std::uint64_t marked_steps_ = 0;
  bool marked_ = false;
  Nanoseconds own_cpu_;
  Nanoseconds last_source_;
  std::atomic<std::uint64_t> last_record_ns_{0};
  std::atomic<std::uint64_t> last_touch_ns_{0};
  std::atomic<std::uint64_t> last_step_ns_{0};
  std::atomic<bool> steps_told_{false};
};

}  // namespace terrace::capi
