// SPDX-License-Identifier: Apache-2.0
// One self-contained HTML page: data, the page's script, the shared page.js and page.css, and the
// chart library, all inside the file, so that it opens without a network and can be sent by mail.
// Used by `--html` of wall and report. Thread-safe; allocates the page (about 0.8 MB).
#pragma once

#include <string>
#include <string_view>

#include <terrace/result.h>

namespace terrace::report {

struct HtmlPage {
  std::string title;
  std::string_view script;  ///< calls terracePage(build), see page.js
  std::string data;         ///< JSON
};

/// Error kCapabilityMissing: this build holds no chart library.
Result<std::string> html_page(const HtmlPage& page);

/// Is the chart library in this build?
bool has_chart_library();

}  // namespace terrace::report
