// SPDX-License-Identifier: Apache-2.0
#include "tiering/names/buffer_layout.h"

#include <algorithm>
#include <set>

#include "tiering/names/engine_order.h"

namespace terrace::names {
namespace {

using session::MemoryClass;
using session::NamedHow;
using session::NamedRange;

constexpr std::uint64_t kTensorAlignment = 32;
// What an allocator may have rounded the whole buffer up by.
constexpr std::uint64_t kSlack = 64;
// Order is as in the engine's code for these, and was compared with its tensors' addresses.
constexpr std::uint8_t kKnownOrder = 95;
constexpr std::uint8_t kLikelyOrder = 70;
// 2^8 sets of formats are tried at most; files have two to four.
constexpr std::size_t kMostFormats = 8;

std::uint64_t padded(std::uint64_t bytes) {
  return (bytes + kTensorAlignment - 1) / kTensorAlignment * kTensorAlignment;
}

void add_ranges(const ModelTensor& tensor, std::uint64_t at, NamedHow how, std::uint8_t confidence,
                std::vector<NamedRange>& ranges) {
  if (tensor.experts == 0) {
    ranges.push_back({tensor.name, MemoryClass::kWeight, at, Bytes(tensor.bytes), confidence, how});
    return;
  }
  const std::uint64_t slice = tensor.bytes / tensor.experts;
  for (std::uint64_t i = 0; i < tensor.experts; ++i) {
    ranges.push_back({tensor.name + "[" + std::to_string(i) + "]", MemoryClass::kExpert,
                      at + i * slice, Bytes(slice), confidence, how});
  }
}

using Set = std::vector<std::size_t>;

std::uint64_t size_of(const ModelTensors& model, const Set& set) {
  std::uint64_t size = 0;
  for (const std::size_t index : set) size += padded(model.tensors[index].bytes);
  return size;
}

bool fits(std::uint64_t tensors, std::uint64_t buffer) {
  return tensors != 0 && tensors <= buffer && buffer - tensors <= kSlack;
}

bool can_be_repacked(const ModelTensor& tensor) {
  return tensor.rank >= 2 && tensor.block_values > 1;
}

std::vector<std::string> formats_of(const ModelTensors& model) {
  std::set<std::string> formats;
  for (const ModelTensor& tensor : model.tensors) {
    if (can_be_repacked(tensor)) formats.insert(tensor.format);
  }
  return {formats.begin(), formats.end()};
}

/// Matrices of the chosen formats, or all that these leave. The embedding is looked up, not
/// multiplied, so it is never repacked.
struct Choice {
  const std::vector<std::string>& formats;
  std::size_t chosen;  ///< a bit for each format

  bool repacks(const ModelTensor& tensor) const {
    if (!can_be_repacked(tensor) || is_embedding(tensor.name)) return false;
    const auto at = std::find(formats.begin(), formats.end(), tensor.format) - formats.begin();
    return (chosen >> at & 1) != 0;
  }
};

/// A file without an output head: the engine makes a second copy of the embedding of it.
bool is_tied(const ModelTensors& model) {
  return std::none_of(model.tensors.begin(), model.tensors.end(),
                      [](const ModelTensor& tensor) { return is_output(tensor.name); });
}

/// With the embedding's copy where the output head would lie.
Set with_tied_output(const ModelTensors& model, const Set& order, Set set) {
  const auto embedding = std::find_if(order.begin(), order.end(), [&](std::size_t index) {
    return is_embedding(model.tensors[index].name);
  });
  if (embedding == order.end()) return set;
  const auto layer = std::find_if(set.begin(), set.end(), [&](std::size_t index) {
    return session::layer_in(model.tensors[index].name) >= 0;
  });
  set.insert(layer, *embedding);
  return set;
}

/// The sets that fill a buffer, each once. One set at a time is looked at: there may be hundreds,
/// and a file may list very many tensors.
class FittingSets {
 public:
  FittingSets(const ModelTensors& model, Bytes size) : model_(model), size_(size) {}

  void take(Set set) {
    if (!fits(size_of(model_, set), size_.value)) return;
    if (std::find(found_.begin(), found_.end(), set) == found_.end()) {
      found_.push_back(std::move(set));
    }
  }
  const std::vector<Set>& found() const { return found_; }

 private:
  const ModelTensors& model_;
  Bytes size_;
  std::vector<Set> found_;
};

/// Of all sets that an engine may have put into one buffer.
std::vector<Set> fitting_sets(const ModelTensors& model, Bytes size) {
  const Set order = engine_order(model.tensors);
  const std::vector<std::string> formats = formats_of(model);
  const bool tied = is_tied(model);
  FittingSets fitting(model, size);
  fitting.take(order);
  if (formats.size() > kMostFormats) return fitting.found();
  for (std::size_t chosen = 0; chosen < std::size_t{1} << formats.size(); ++chosen) {
    const Choice choice{formats, chosen};
    Set repacked;
    Set kept;
    for (const std::size_t index : order) {
      (choice.repacks(model.tensors[index]) ? repacked : kept).push_back(index);
    }
    if (tied) {
      fitting.take(with_tied_output(model, order, repacked));
      fitting.take(with_tied_output(model, order, kept));
    }
    fitting.take(std::move(repacked));
    fitting.take(std::move(kept));
  }
  return fitting.found();
}

Error no_set(const ModelTensors& model, Bytes size, std::size_t fitting) {
  return make_error(ErrorCode::kUsage, 0,
                    fitting == 0 ? "no set of the tensors of %.160s fills a buffer of %llu bytes"
                                 : "several sets of the tensors of %.160s fill a buffer of %llu "
                                   "bytes, so their order is unknown",
                    model.path.c_str(), static_cast<unsigned long long>(size.value));
}

}  // namespace

std::vector<NamedRange> ranges_of_mapping(const ModelTensors& model, std::size_t file,
                                          std::uint64_t offset, Bytes size) {
  std::vector<NamedRange> all;
  for (const ModelTensor& tensor : model.tensors) {
    if (tensor.file == file) add_ranges(tensor, tensor.offset, NamedHow::kExactFile, 100, all);
  }
  std::sort(all.begin(), all.end(),
            [](const NamedRange& a, const NamedRange& b) { return a.first_byte < b.first_byte; });
  std::vector<NamedRange> seen;
  std::uint64_t covered = offset;  // tensors of a damaged file may overlap: the first one counts
  for (NamedRange& range : all) {
    const std::uint64_t begin = std::max(range.first_byte, covered);
    const std::uint64_t end = std::min(range.first_byte + range.size.value, offset + size.value);
    if (begin >= end) continue;
    range.first_byte = begin - offset;
    range.size = Bytes(end - begin);
    covered = end;
    seen.push_back(std::move(range));
  }
  return seen;
}

Result<std::vector<NamedRange>> ranges_of_buffer(const ModelTensors& model, Bytes size) {
  const std::vector<Set> fitting = fitting_sets(model, size);
  if (fitting.size() != 1) return no_set(model, size, fitting.size());
  const std::uint8_t confidence = order_is_known(model.architecture) ? kKnownOrder : kLikelyOrder;
  std::vector<NamedRange> ranges;
  std::uint64_t at = 0;
  for (const std::size_t index : fitting.front()) {
    const ModelTensor& tensor = model.tensors[index];
    add_ranges(tensor, at, NamedHow::kOrderAndSize, confidence, ranges);
    at += padded(tensor.bytes);
  }
  return ranges;
}

std::vector<NamedRange> ranges_of_tensor(const ModelTensor& tensor, std::uint8_t confidence) {
  std::vector<NamedRange> ranges;
  add_ranges(tensor, 0, NamedHow::kOrderAndSize, confidence, ranges);
  return ranges;
}

}  // namespace terrace::names
