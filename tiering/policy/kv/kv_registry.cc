// SPDX-License-Identifier: Apache-2.0
#include "tiering/policy/kv/list_policies.h"

namespace terrace::policy {
namespace {

constexpr std::array kSpecs = {
    KvPolicySpec{"lru", "least recently used", make_kv_lru},
    KvPolicySpec{"fifo", "first in, first out", make_kv_fifo},
    KvPolicySpec{"s3fifo", "three FIFO queues with ghosts", make_kv_s3fifo},
    KvPolicySpec{"slru", "segmented LRU, a fifth protected", make_kv_slru},
    KvPolicySpec{"terrace", "expected reuse, learnt online", make_kv_terrace},
    KvPolicySpec{"opt", "offline optimum: a bound", make_kv_opt, true},
};

}  // namespace

std::span<const KvPolicySpec> kv_policies() {
  return kSpecs;
}

const KvPolicySpec* find_kv_policy(std::string_view name) {
  for (const KvPolicySpec& spec : kSpecs) {
    if (spec.name == name) return &spec;
  }
  return nullptr;
}

}  // namespace terrace::policy
