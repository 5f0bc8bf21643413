// SPDX-License-Identifier: Apache-2.0
#include "tiering/migrate/dax_pools.h"

#include <cerrno>
#include <utility>

#include "allocators/os/mapping.h"

namespace terrace::migrate {

Status DaxPool::open(const Tier& tier) {
  const Status opened = pool_.open(tier.path.c_str(), tier.capacity.value, tier.mapping_unit);
  if (!opened) return opened;
  identity_ = os::identity_of(pool_.fd());
  view_ = static_cast<char*>(os::map_view(size(), pool_.fd(), 0));
  if (view_ != nullptr) return opened;
  return make_error(ErrorCode::kIo, ENOMEM, "%s: no address space to map its %llu MiB",
                    tier.path.c_str(), static_cast<unsigned long long>(size().value >> 20));
}

DaxPool::~DaxPool() {
  if (view_ != nullptr) os::unmap(view_, size());
  pool_.close();
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
