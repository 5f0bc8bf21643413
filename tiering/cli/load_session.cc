// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/load_session.h"

#include <fmt/format.h>

#include "allocators/base/count_of.h"
#include "profiler/heat/lives.h"
#include "tiering/cli/messages.h"
#include "tiering/cli/name_recording.h"
#include "tiering/cli/open_recording.h"
#include "tiering/cli/recorded_processes.h"

namespace terrace::cli {

std::string session_argument(const Settings& settings, const std::string& argument) {
  return argument.empty() ? settings.text("input") : argument;
}

Result<LoadedProcess> load_process(const Settings& settings, const std::string& path,
                                   const std::string& how) {
  if (path.empty())
    return make_error(ErrorCode::kUsage, 0, "no session given; write %s", how.c_str());
  Result<session::Recording> recording = open_recording(settings, path);
  if (!recording.ok()) return recording.error();
  const Result<std::size_t> chosen = choose_process(settings, *recording, path);
  if (!chosen.ok()) return chosen.error();
  session::Session& process = recording->processes[*chosen];
  if (!process.complete) {
    say_warning(fmt::format("{}: the session was not closed in order; not used of its end: {}",
                            path, count_of(process.bytes_ignored, "byte")));
  } else if (process.bytes_ignored > 0) {
    say_warning(fmt::format("{}: damaged; not used of its end: {}", path,
                            count_of(process.bytes_ignored, "byte")));
  }
  std::string all = process_table(*recording, *chosen);
  return LoadedProcess{std::move(process), std::move(all)};
}

Result<session::Session> load_session(const Settings& settings, const std::string& path,
                                      const std::string& how) {
  Result<LoadedProcess> loaded = load_process(settings, path, how);
  if (!loaded.ok()) return loaded.error();
  return std::move(loaded->session);
}

Result<heat::HeatMap> load_heat_map(const Settings& settings, const std::string& path,
                                    const std::string& how) {
  Result<session::Session> session = load_session(settings, path, how);
  if (!session.ok()) return session.error();
  const Status named = name_for_show(settings, *session);
  if (!named.ok()) return named.error();
  Result<heat::HeatMap> map = heat::build_heat_map(*session, settings.fraction("min-lifetime"));
  if (map.ok()) heat::join_lives(*map);
  return map;
}

}  // namespace terrace::cli
