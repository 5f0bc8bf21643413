// SPDX-License-Identifier: Apache-2.0
// The script of the wall's HTML page, as the build embeds it. Constant: thread-safe, never
// allocates.
#pragma once

#include <string_view>

namespace terrace::wall {

std::string_view wall_page_script();  ///< wall_page.js

}  // namespace terrace::wall
