// SPDX-License-Identifier: Apache-2.0
#include "tiering/migrate/dax_pools.h"

#include <utility>

namespace terrace::migrate {

Status DaxPool::open(const Tier& tier) {
  const Status opened = pool_.open(tier.path.c_str(), tier.capacity.value, tier.mapping_unit);
  if (opened) identity_ = os::identity_of(pool_.fd());
  return opened;
}

backing::PoolRun DaxPool::claim(std::uint32_t wanted) {
  const std::lock_guard lock(mutex_);
  return pool_.claim(wanted);
}

void DaxPool::give_back(backing::PoolRun run) {
  const std::lock_guard lock(mutex_);
  pool_.give_back(run);
}

Result<DaxPool*> DaxPools::at(const Tier& tier) {
  const std::lock_guard lock(mutex_);
  const auto found = by_path_.find(tier.path);
  if (found != by_path_.end()) return found->second.get();
  auto pool = std::make_unique<DaxPool>();
  const Status opened = pool->open(tier);
  if (!opened) return opened.error();
  return by_path_.emplace(tier.path, std::move(pool)).first->second.get();
}

DaxPool* DaxPools::of(const os::FileIdentity& file) {
  const std::lock_guard lock(mutex_);
  for (const auto& [path, pool] : by_path_) {
    if (pool->has(file)) return pool.get();
  }
  return nullptr;
}

}  // namespace terrace::migrate
