// SPDX-License-Identifier: Apache-2.0
// terrace report: what a session says, for people or for programs.
#include "profiler/report/report.h"

#include <cstdio>

#include "tiering/cli/load_session.h"
#include "tiering/cli/messages.h"
#include "tiering/cli/os/terminal.h"
#include "tiering/cli/verbs/verbs.h"

namespace terrace::cli {

int report_verb(const Call& call) {
  const std::string session = session_argument(call.settings, call.line.argument);
  const Result<heat::HeatMap> heat =
      load_heat_map(call.settings, session, "terrace report SESSION, or -i SESSION");
  if (!heat.ok()) {
    say_error(heat.error().message);
    return static_cast<int>(heat.error().code);
  }
  if (call.settings.flag("json")) {
    std::printf("%s\n", report::to_json(*heat).dump(2).c_str());
    return 0;
  }
  report::ReportOptions options;
  options.width = os::output_columns(options.width);
  options.glyphs = os::output_takes_utf8() ? report::Glyphs::kUnicode : report::Glyphs::kAscii;
  options.session_path = session;
  std::fputs(report::render_text(*heat, options).c_str(), stdout);
  return 0;
}

}  // namespace terrace::cli
