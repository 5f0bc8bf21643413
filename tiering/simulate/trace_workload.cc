// SPDX-License-Identifier: Apache-2.0
#include "tiering/simulate/trace_workload.h"

#include <algorithm>

#include "allocators/base/count_of.h"
#include "tiering/simulate/block_pool.h"

namespace terrace::simulate {
namespace {

class TraceWorkload final : public Workload {
 public:
  TraceWorkload(TraceReader reader, const ServerShape& shape)
      : reader_(std::move(reader)), shape_(shape), pool_(shape.weight_blocks, shape.kv_blocks) {
    layout_.add("weights", shape.weight_blocks);
    layout_.add("kv", shape.kv_blocks);
    fetch();
  }
  const policy::Layout& layout() const override { return layout_; }

  bool next_step(std::vector<Event>& events) override {
    if (sequences_.empty() && !waiting_) return false;
    if (first_) events.push_back({EventKind::kAllocate, 0, shape_.weight_blocks});
    first_ = false;
    admit(events);
    stream(0, shape_.weight_blocks, events);
    ScatteredStream kv(events);
    for (const Sequence& sequence : sequences_) {
      for (const policy::BlockId block : sequence.blocks) kv.add(block);
    }
    kv.end();
    decode(events);
    return true;
  }

 private:
  struct Sequence {
    std::vector<policy::BlockId> blocks;
    std::uint32_t tokens = 0;
    std::uint32_t left = 0;
  };

  std::uint32_t blocks_for_tokens(std::uint64_t tokens) const {
    const std::uint64_t blocks = (tokens + shape_.tokens_per_block - 1) / shape_.tokens_per_block;
    return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(blocks, 1, shape_.kv_blocks / 2));
  }
  std::uint32_t room_for(const Request& request) const {
    return blocks_for_tokens(std::uint64_t{request.context_tokens} + request.generated_tokens);
  }

  void fetch() {
    auto request = reader_.next();
    waiting_ = request.ok() ? *request : std::nullopt;
  }

  void admit(std::vector<Event>& events) {
    while (waiting_ && sequences_.size() < shape_.batch &&
           promised_ + room_for(*waiting_) <= shape_.kv_blocks) {
      promised_ += room_for(*waiting_);
      Sequence sequence;
      sequence.tokens = waiting_->context_tokens;
      sequence.left = std::max(1u, waiting_->generated_tokens);
      const std::uint32_t most = room_for(*waiting_);
      const std::uint32_t now = std::min(most, blocks_for_tokens(sequence.tokens));
      for (std::uint32_t i = 0; i < now; ++i) grow(sequence, events);
      sequences_.push_back(std::move(sequence));
      promises_.push_back(most);
      fetch();
    }
  }

  void grow(Sequence& sequence, std::vector<Event>& events) {
    const policy::BlockId block = pool_.take();
    sequence.blocks.push_back(block);
    events.push_back({EventKind::kAllocate, block, 1});
  }

  // One token each; what is finished goes, at the end of the step.
  void decode(std::vector<Event>& events) {
    for (std::size_t i = 0; i < sequences_.size();) {
      Sequence& sequence = sequences_[i];
      ++sequence.tokens;
      if (--sequence.left > 0) {
        if (sequence.blocks.size() < blocks_for_tokens(sequence.tokens) &&
            sequence.blocks.size() < promises_[i]) {
          grow(sequence, events);
        }
        ++i;
        continue;
      }
      for (const policy::BlockId block : sequence.blocks) {
        events.push_back({EventKind::kRelease, block, 1});
        pool_.give_back(block);
      }
      promised_ -= promises_[i];
      sequences_.erase(sequences_.begin() + static_cast<std::ptrdiff_t>(i));
      promises_.erase(promises_.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }

  TraceReader reader_;
  ServerShape shape_;
  policy::Layout layout_;
  BlockPool pool_;
  std::vector<Sequence> sequences_;
  std::vector<std::uint32_t> promises_;  // blocks that each may grow to
  std::uint64_t promised_ = 0;
  std::optional<Request> waiting_;
  bool first_ = true;
};

}  // namespace

Result<std::unique_ptr<Workload>> make_trace_workload(const std::string& path, TraceFormat format,
                                                      const ServerShape& shape,
                                                      std::uint64_t first) {
  auto reader = TraceReader::open(path, format);
  if (!reader) return reader.error();
  for (std::uint64_t i = 0; i < first; ++i) {
    const auto request = reader->next();
    if (!request) return request.error();
  }
  std::unique_ptr<Workload> workload = std::make_unique<TraceWorkload>(std::move(*reader), shape);
  return workload;
}

Result<WorkloadSource> trace_source(const std::string& path, TraceFormat format,
                                    const ServerShape& shape) {
  const auto count = count_requests(path, format);
  if (!count) return count.error();
  WorkloadSource source;
  source.name = path;
  source.summary = count_of(*count, "request") + " of a " +
                   (format == TraceFormat::kMooncake ? "Mooncake" : "Azure") + " trace";
  source.constancy = Constancy::kChanging;
  source.make = [=, half = *count / 2](Run run) {
    return make_trace_workload(path, format, shape, run == Run::kMeasured ? half : 0);
  };
  return source;
}

}  // namespace terrace::simulate
