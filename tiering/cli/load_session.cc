// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/load_session.h"

#include <fmt/format.h>

#include "tiering/cli/messages.h"
#include "tiering/cli/name_recording.h"

namespace terrace::cli {

std::string session_argument(const Settings& settings, const std::string& argument) {
  return argument.empty() ? settings.text("input") : argument;
}

Result<session::Session> load_session(const std::string& path, const std::string& how) {
  if (path.empty())
    return make_error(ErrorCode::kUsage, 0, "no session given; write %s", how.c_str());
  Result<session::Session> session = session::read_session(path);
  if (session.ok() && !session->complete)
    say_warning(
        fmt::format("{}: the session was not closed in order; {} bytes at its end are not "
                    "used",
                    path, session->bytes_ignored));
  return session;
}

Result<heat::HeatMap> load_heat_map(const Settings& settings, const std::string& path,
                                    const std::string& how) {
  Result<session::Session> session = load_session(path, how);
  if (!session.ok()) return session.error();
  const Status named = name_for_show(settings, *session);
  if (!named.ok()) return named.error();
  return heat::build_heat_map(*session, settings.fraction("min-lifetime"));
}

}  // namespace terrace::cli
