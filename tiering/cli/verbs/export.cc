// SPDX-License-Identifier: Apache-2.0
// terrace export: a session in the formats of other tools.
#include "profiler/export/export.h"

#include <cstdio>
#include <string_view>

#include <fmt/format.h>

#include "tiering/cli/load_session.h"
#include "tiering/cli/messages.h"
#include "tiering/cli/os/terminal.h"
#include "tiering/cli/output_file.h"
#include "tiering/cli/verbs/verbs.h"

namespace terrace::cli {
namespace {

constexpr const char* kHow = "terrace export SESSION, or -i SESSION";

OutputKind kind_of(std::string_view format) {
  if (format == "csv") return OutputKind::kCsv;
  return format == "pprof" ? OutputKind::kGzip : OutputKind::kJson;
}

exporting::Table table_of(std::string_view name) {
  using exporting::Table;
  if (name == "objects") return Table::kObjects;
  if (name == "steps") return Table::kSteps;
  if (name == "tiers") return Table::kTiers;
  return name == "costs" ? Table::kCosts : Table::kHeat;
}

Status check_request(const Settings& settings) {
  const std::string& format = settings.text("format");
  if (settings.given("table") && format != "csv") {
    return make_error(ErrorCode::kUsage, 0, "--table is for --format csv; %s holds all of them",
                      format.c_str());
  }
  if (settings.given("output")) {
    if (settings.flag("force")) return ok_status();
    return check_overwrite(settings.text("output"), kind_of(format));
  }
  if (format == "pprof" && os::standard_output_is_terminal()) {
    return make_error(ErrorCode::kUsage, 0,
                      "a pprof profile is no text; name a file with -o, or redirect the output");
  }
  return ok_status();
}

Result<std::string> converted(const Settings& settings, const session::Session& session) {
  const std::string& format = settings.text("format");
  if (format == "pprof") {
    const Result<heat::HeatMap> map =
        heat::build_heat_map(session, settings.fraction("min-lifetime"));
    if (!map.ok()) return map.error();
    return exporting::to_pprof(session, *map);
  }
  const heat::Timeline timeline = heat::build_timeline(session);
  if (format == "csv") return exporting::to_csv(timeline, table_of(settings.text("table")));
  return format == "perfetto" ? exporting::to_trace(timeline) : exporting::to_json(timeline);
}

Status export_session(const Settings& settings, const std::string& path) {
  const Status request = check_request(settings);
  if (!request.ok()) return request;
  const Result<session::Session> session = load_session(settings, path, kHow);
  if (!session.ok()) return session.error();
  const Result<std::string> text = converted(settings, *session);
  if (!text.ok()) return text.error();
  if (settings.given("output")) return write_whole(settings.text("output"), *text);
  std::fwrite(text->data(), 1, text->size(), stdout);
  return ok_status();
}

void say_next(const Settings& settings) {
  if (!settings.given("output")) return;
  const std::string& output = settings.text("output");
  if (settings.text("format") == "perfetto") {
    say_hint(fmt::format("trace in {}; open it at ui.perfetto.dev", output));
  } else if (settings.text("format") == "pprof") {
    say_hint(fmt::format("profile in {0}; next: go tool pprof -top {0}", output));
  } else {
    say_hint(fmt::format("{} in {}", settings.text("format"), output));
  }
}

}  // namespace

int export_verb(const Call& call) {
  const std::string path = session_argument(call.settings, call.line.argument);
  const Status exported = export_session(call.settings, path);
  if (!exported.ok()) return failed(exported.error());
  say_next(call.settings);
  return 0;
}

}  // namespace terrace::cli
