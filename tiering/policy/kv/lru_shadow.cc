// SPDX-License-Identifier: Apache-2.0
#include "tiering/policy/kv/lru_shadow.h"

#include <ranges>

namespace terrace::policy {

void LruShadow::used(std::span<const std::uint32_t> records) {
  for (const std::uint32_t record : records | std::views::reverse) {
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
