// SPDX-License-Identifier: Apache-2.0
// The policies by name. Read by the simulator, the command line and the tests.
// Constants only: thread-safe, never allocates.
#pragma once

#include <span>

#include "tiering/policy/policy.h"

namespace terrace::policy {

/// In the order of tables: what is placed once, what adapts, Terrace's own.
std::span<const PolicySpec> policies();

/// nullptr when there is none of that name.
const PolicySpec* find_policy(std::string_view name);

std::unique_ptr<Policy> make_first_touch(const PolicyContext& context);
std::unique_ptr<Policy> make_interleave(const PolicyContext& context);
std::unique_ptr<Policy> make_weighted_interleave(const PolicyContext& context);
std::unique_ptr<Policy> make_lru(const PolicyContext& context);
std::unique_ptr<Policy> make_clock(const PolicyContext& context);
std::unique_ptr<Policy> make_hint_fault(const PolicyContext& context);
std::unique_ptr<Policy> make_histogram(const PolicyContext& context);
std::unique_ptr<Policy> make_latency_balance(const PolicyContext& context);
std::unique_ptr<Policy> make_static_plan(const PolicyContext& context);
std::unique_ptr<Policy> make_online(const PolicyContext& context);

}  // namespace terrace::policy
