// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/recorded_processes.h"

#include <filesystem>
#include <optional>

#include <fmt/format.h>

#include "allocators/base/show_bytes.h"
#include "profiler/heat/process_heat.h"
#include "profiler/report/words.h"
#include "tiering/cli/messages.h"
#include "tiering/cli/text_table.h"

namespace terrace::cli {
namespace {

using session::Recording;
using session::Session;

/// In messages; all of them are in the report.
constexpr std::size_t kMostListed = 8;

std::string program_of(const Session& process) {
  return report::printable(std::filesystem::path(process.executable).filename().string());
}

std::string list_of(const Recording& recording, std::optional<std::size_t> but) {
  std::string list;
  std::size_t listed = 0;
  for (std::size_t i = 0; i < recording.processes.size(); ++i) {
    if (i == but) continue;
    if (listed++ == kMostListed) return list + " and others";
    const Session& process = recording.processes[i];
    list += fmt::format("{}{}: {} ({})", list.empty() ? "" : ", ", i + 1, process.header.pid,
                        program_of(process));
  }
  return list;
}

/// A process id goes before a number in the list, which is small. Of two processes with one id the
/// hotter one is meant.
std::optional<std::size_t> find_process(const Recording& recording, std::uint32_t wanted) {
  std::optional<std::size_t> found;
  double most = 0;
  for (std::size_t i = 0; i < recording.processes.size(); ++i) {
    if (recording.processes[i].header.pid != wanted) continue;
    const double bytes = heat::bytes_read(recording.processes[i]);
    if (!found || bytes > most) {
      found = i;
      most = bytes;
    }
  }
  if (!found && wanted >= 1 && wanted <= recording.processes.size()) found = wanted - 1;
  return found;
}

}  // namespace

Result<std::size_t> choose_process(const Settings& settings, const Recording& recording,
                                   const std::string& path) {
  if (settings.given("process")) {
    const std::uint32_t wanted = settings.integer("process");
    if (const auto found = find_process(recording, wanted)) return *found;
    return make_error(ErrorCode::kUsage, 0, "%s: no process %u in it; there are %s", path.c_str(),
                      wanted, list_of(recording, std::nullopt).c_str());
  }
  if (recording.processes.size() == 1) return std::size_t{0};
  const std::size_t chosen = heat::hottest(recording);
  const Session& process = recording.processes[chosen];
  say_warning(fmt::format(
      "{}: of {} processes {}, {}; --process chooses another: {}", path, recording.processes.size(),
      fmt::format("{} ({})", process.header.pid, program_of(process)),
      heat::bytes_read(process) > 0 ? "the one with the most heat"
                                    : "the first: none was seen to read anything",
      list_of(recording, chosen)));
  return chosen;
}

std::string process_table(const Recording& recording, std::size_t chosen) {
  if (recording.processes.size() < 2) return {};
  TextTable table({{"", Align::kRight},
                   {"process", Align::kRight},
                   {"parent", Align::kRight},
                   {"objects", Align::kRight},
                   {"read in all", Align::kRight},
                   {""},
                   {"program"}});
  for (std::size_t i = 0; i < recording.processes.size(); ++i) {
    const Session& process = recording.processes[i];
    table.add({fmt::format("{}", i + 1), fmt::format("{}", process.header.pid),
               process.parent_pid != 0 ? fmt::format("{}", process.parent_pid) : "",
               fmt::format("{}", process.objects.size()),
               show_bytes(Bytes(static_cast<std::uint64_t>(heat::bytes_read(process)))),
               fmt::format("{}{}", i == chosen ? "below" : "",
                           process.complete ? ""
                           : i == chosen    ? ", cut short"
                                            : "cut short"),
               report::printable(process.executable)});
  }
  return table.text() + "\n";
}

}  // namespace terrace::cli
