// SPDX-License-Identifier: Apache-2.0
#include "profiler/report/named_parts.h"

#include <algorithm>
#include <array>

#include "profiler/report/words.h"

namespace terrace::report {
namespace {

using session::MemoryClass;
using session::NamedRange;

/// Up to the next dot from `at` on.
std::string component(const std::string& name, std::size_t at) {
  return name.substr(at, name.find('.', at) - at);
}

/// "blk.3.attn_q.weight" and "blk.3.attn_v.weight" are "blk.3.attn_q to attn_v", from layer 3 to 5
/// it is "blk.3 to 5".
std::string joined(const std::string& first, const std::string& last) {
  if (first == last) return first;
  const auto differs = std::mismatch(first.begin(), first.end(), last.begin(), last.end()).first;
  const std::size_t dot = std::string(first.begin(), differs).rfind('.');
  const std::size_t at = dot == std::string::npos ? 0 : dot + 1;
  return first.substr(0, at) + component(first, at) + " to " + component(last, at);
}

class MostBytes {
 public:
  void add(const NamedRange& range) {
    bytes_[static_cast<std::size_t>(range.memory_class)] += range.size.value;
  }
  std::string word(Origin otherwise) const {
    const auto most = std::max_element(bytes_.begin(), bytes_.end());
    if (*most == 0) return name_of(otherwise);
    const auto found = static_cast<MemoryClass>(most - bytes_.begin());
    return std::string(name_of(found));
  }

 private:
  std::array<std::uint64_t, session::kLastMemoryClass + 1> bytes_{};
};

std::size_t end_block(const NamedRange& range) {
  return static_cast<std::size_t>(blocks_for(Bytes(range.first_byte + range.size.value)));
}

}  // namespace

std::vector<NamedPart> named_parts(const heat::ObjectHeat& object, double blocks_per_part) {
  std::vector<NamedPart> parts;
  const std::size_t blocks = object.block_bytes_per_second.size();
  std::size_t begin = 0;
  const std::string* first = nullptr;
  for (std::size_t i = 0; i < object.names.size(); ++i) {
    const NamedRange& range = object.names[i].range;
    if (first == nullptr) first = &range.name;
    const bool last = i + 1 == object.names.size();
    const std::size_t end = last ? blocks : std::min(end_block(range), blocks);
    if (end <= begin) continue;
    if (!last && static_cast<double>(end - begin) < blocks_per_part) continue;
    parts.push_back({begin, end - begin, printable(joined(*first, range.name))});
    begin = end;
    first = nullptr;
  }
  return parts;
}

std::string class_word(const heat::ObjectHeat& object) {
  MostBytes most;
  for (const heat::NamedHeat& part : object.names) most.add(part.range);
  return most.word(object.key.origin);
}

std::string class_word(const session::Object& object) {
  MostBytes most;
  for (const NamedRange& range : object.names) most.add(range);
  return most.word(static_cast<Origin>(object.record.origin));
}

}  // namespace terrace::report
