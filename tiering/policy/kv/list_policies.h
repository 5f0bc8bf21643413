// SPDX-License-Identifier: Apache-2.0
// Makers of the KV policies, for kv_registry.cc. Each policy is one file. Thread-safe; allocates.
#pragma once

#include "tiering/policy/kv/kv_policy.h"

namespace terrace::policy {

std::unique_ptr<kv::EvictionPolicy> make_kv_lru(const KvPolicySetup& setup);
std::unique_ptr<kv::EvictionPolicy> make_kv_fifo(const KvPolicySetup& setup);
std::unique_ptr<kv::EvictionPolicy> make_kv_s3fifo(const KvPolicySetup& setup);
std::unique_ptr<kv::EvictionPolicy> make_kv_slru(const KvPolicySetup& setup);
std::unique_ptr<kv::EvictionPolicy> make_kv_terrace(const KvPolicySetup& setup);
/// `setup.future` is not null.
std::unique_ptr<kv::EvictionPolicy> make_kv_opt(const KvPolicySetup& setup);

}  // namespace terrace::policy
