// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/preload_library.h"

#include <cstdlib>
#include <filesystem>
#include <string_view>

#include <fmt/format.h>

#include "tiering/cli/build_paths.h"
#include "tiering/cli/os/executable_path.h"

namespace terrace::cli {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> candidates() {
  const fs::path folder = fs::path(os::executable_path()).parent_path();
  const fs::path prefix = folder.parent_path();
  return {(folder / kPreloadName).string(), (prefix / kLibraryFolder / kPreloadName).string(),
          (prefix / "lib" / kPreloadName).string()};
}

void set_variable(std::vector<std::string>& environment, const std::string& name,
                  const std::string& value) {
  std::erase_if(environment,
                [&](const std::string& entry) { return entry.starts_with(name + "="); });
  environment.push_back(name + "=" + value);
}

std::string variable(const std::vector<std::string>& environment, std::string_view name) {
  for (const std::string& entry : environment) {
    if (entry.starts_with(name) && entry.size() > name.size() && entry[name.size()] == '=')
      return entry.substr(name.size() + 1);
  }
  return {};
}

/// LD_PRELOAD's entries, of which blanks and colons are both the ends, without our own.
std::string others_of(const std::string& preload) {
  std::string others;
  std::size_t begin = 0;
  while (begin < preload.size()) {
    const std::size_t end = std::min(preload.find_first_of(": ", begin), preload.size());
    const std::string entry = preload.substr(begin, end - begin);
    if (!entry.empty() && fs::path(entry).filename() != kPreloadName) others += ":" + entry;
    begin = end + 1;
  }
  return others;
}

}  // namespace

Result<std::string> find_preload_library() {
  const char* named = std::getenv("TERRACE_PRELOAD");
  const bool forced = named != nullptr && named[0] != '\0';
  const std::vector<std::string> places =
      forced ? std::vector<std::string>{fs::absolute(named).string()} : candidates();
  for (const std::string& place : places) {
    if (!os::readable(place)) continue;
    if (place.find_first_of(": ") == std::string::npos) return place;
    return make_error(ErrorCode::kUsage, 0,
                      "%s: LD_PRELOAD cannot carry a path with a blank or a colon; name a link to "
                      "it in TERRACE_PRELOAD",
                      place.c_str());
  }
  return make_error(ErrorCode::kCapabilityMissing, 0, "%s not found (looked at %s); %s",
                    kPreloadName, fmt::format("{}", fmt::join(places, ", ")).c_str(),
                    forced ? "correct TERRACE_PRELOAD" : "name it in TERRACE_PRELOAD");
}

std::vector<std::string> with_preload(std::vector<std::string> environment,
                                      const std::string& library, const std::string& flat_path) {
  const std::string others = others_of(variable(environment, "LD_PRELOAD"));
  set_variable(environment, "LD_PRELOAD", library + others);
  set_variable(environment, "TERRACE_PLAN_FILE", flat_path);
  return environment;
}

}  // namespace terrace::cli
