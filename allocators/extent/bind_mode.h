// SPDX-License-Identifier: Apache-2.0
// How firmly pages are bound to a tier's nodes; the values are those of the flat file.
// Constants only.
#pragma once

#include <cstdint>

namespace terrace::extent {

enum class BindMode : std::uint32_t {
  kOff = 0,       ///< no mbind
  kAdvisory = 1,  ///< preferred nodes; a refusal is counted
  kStrict = 2,    ///< these nodes or none; a refusal is counted and said once
};

}  // namespace terrace::extent
