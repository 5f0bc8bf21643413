// SPDX-License-Identifier: Apache-2.0
// terrace report: what a session says, for people or for programs.
#include "profiler/report/report.h"

#include <algorithm>
#include <cstdio>

#include "profiler/report/heat_grid.h"
#include "profiler/report/heat_text.h"
#include "tiering/cli/load_session.h"
#include "tiering/cli/messages.h"
#include "tiering/cli/name_recording.h"
#include "tiering/cli/os/terminal.h"
#include "tiering/cli/report_page.h"
#include "tiering/cli/verbs/verbs.h"

namespace terrace::cli {
int report_verb(const Call& call) {
  const std::string session = session_argument(call.settings, call.line.argument);
  const bool page = call.settings.given("html");
  if (page) {
    const Status possible = check_report_page(call.settings);
    if (!possible.ok()) return failed(possible.error());
  }
  Result<LoadedProcess> loaded =
      load_process(call.settings, session, "terrace report SESSION, or -i SESSION");
  if (!loaded.ok()) return failed(loaded.error());
  session::Session* const read = &loaded->session;
  const Status named = name_for_show(call.settings, *read);
  if (!named.ok()) return failed(named.error());
  const Result<heat::HeatMap> heat =
      heat::build_heat_map(*read, call.settings.fraction("min-lifetime"));
  if (!heat.ok()) return failed(heat.error());
  if (page) {
    const Status written = write_report_page(call.settings, session, *read, *heat);
    if (!written.ok()) return failed(written.error());
    say_hint("page in " + call.settings.text("html"));
  }
  if (call.settings.flag("json")) {
    std::printf("%s\n", report::to_json(*heat).dump(2).c_str());
    return 0;
  }
  report::ReportOptions options;
  options.width = os::output_columns(options.width);
  options.glyphs = os::output_takes_utf8() ? report::Glyphs::kUnicode : report::Glyphs::kAscii;
  options.colours = os::output_takes_colour() ? report::Colours::k256 : report::Colours::kNone;
  options.session_path = session;
  const report::HeatGrid grid =
      report::make_heat_grid(*heat, heat::build_timeline(*read),
                             {.rows = options.max_objects,
                              .columns = static_cast<std::size_t>(std::max(options.width, 60))});
  options.heat_over_time = report::render_heat_text(grid, heat->tiers, options);
  std::fputs(loaded->all_processes.c_str(), stdout);
  std::fputs(report::render_text(*heat, options).c_str(), stdout);
  return 0;
}

}  // namespace terrace::cli
