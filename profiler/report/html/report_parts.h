// SPDX-License-Identifier: Apache-2.0
// The scripts of the report's page, as the build embeds them, in the order in which they run.
// Constants: thread-safe, never allocate.
#pragma once

#include <string_view>

namespace terrace::report {

std::string_view heat_view_script();     ///< heat_view.js
std::string_view sort_table_script();    ///< sort_table.js
std::string_view report_chart_script();  ///< report_chart.js
std::string_view report_page_script();   ///< report_page.js

}  // namespace terrace::report
