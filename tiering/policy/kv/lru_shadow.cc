// SPDX-License-Identifier: Apache-2.0
#include "tiering/policy/kv/lru_shadow.h"

namespace terrace::policy {

void LruShadow::used(std::span<const std::uint32_t> records) {
  // Not views::reverse, which clang 14 (preset fuzz) rejects in GCC 12's library.
  for (auto at = records.rbegin(); at != records.rend(); ++at) {
    const std::uint32_t record = *at;
    order_.remove(record);
    order_.append(0, record);
    held_ += inside_[record] == 0 ? 1 : 0;
    inside_[record] = 1;
  }
  while (held_ > slots_) forget(order_.first(0));
}

void LruShadow::forget(std::uint32_t record) {
  if (inside_[record] == 0) return;
  order_.remove(record);
  inside_[record] = 0;
  --held_;
}

}  // namespace terrace::policy
