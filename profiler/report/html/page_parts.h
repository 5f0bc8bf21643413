// SPDX-License-Identifier: Apache-2.0
// The files that the build puts into the library as they are: see embed.cmake. Constants:
// thread-safe, never allocate.
#pragma once

#include <string_view>

namespace terrace::report {

std::string_view page_style();     ///< page.css
std::string_view page_script();    ///< page.js
std::string_view chart_library();  ///< ECharts; empty in a build without npm

}  // namespace terrace::report
