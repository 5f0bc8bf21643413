// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/launch.h"

#include <cstring>
#include <filesystem>
#include <functional>
#include <optional>

#include <fmt/format.h>

#include "tiering/cli/messages.h"
#include "tiering/cli/os/child_process.h"
#include "tiering/cli/os/huge_page_budget.h"
#include "tiering/cli/os/private_folder.h"
#include "tiering/cli/preload_library.h"
#include "tiering/cli/prepare_flat.h"
#include "tiering/cli/segment_collector.h"
#include "tiering/cli/session_name.h"
#include "tiering/cli/session_parts.h"

namespace terrace::cli {
namespace {

/// What is borrowed while the program lives; all of it goes back when this does.
struct Lent {
  os::PrivateFolder folder;
  std::string flat_path;
  std::string library;
  std::optional<os::HugePageBudget> huge_pages;
};

std::optional<os::HugePageBudget> lend_huge_pages(const Settings& settings, Bytes need) {
  if (need.value == 0 || settings.text("huge-pages") == "off") return std::nullopt;
  os::HugePageFiles files;
  Result<os::HugePageBudget> raised = os::HugePageBudget::raise(need, files);
  if (!raised.ok()) {
    say_detail(fmt::format("huge pages: {}; falls back to 4 KiB pages where there are too few",
                           raised.error().message));
    return std::nullopt;
  }
  if (raised->mended_pages() != 0) {
    say_detail(
        fmt::format("huge pages: vm.nr_overcommit_hugepages lowered by {} that a killed run left",
                    raised->mended_pages()));
  }
  say_detail(fmt::format("huge pages: vm.nr_overcommit_hugepages raised by {} for this run",
                         raised->added_pages()));
  return std::move(*raised);
}

Result<Lent> lend(const LaunchRequest& request, const SessionParts& parts) {
  if (!request.problems.empty()) return request.problems.front();
  Result<std::string> library = find_preload_library();
  if (!library.ok()) return library.error();
  Result<os::PrivateFolder> folder = os::PrivateFolder::make();
  if (!folder.ok()) return folder.error();
  const std::string flat_path = folder->path() + "/plan.flat";
  const Result<PreparedFlat> prepared = prepare_flat(
      {request.settings, request.plan_path, parts.pattern(), flat_path, request.split});
  if (!prepared.ok()) return prepared.error();
  if (prepared->emulated) say_detail("a tier is emulated: times measured here are, too");
  auto huge_pages = lend_huge_pages(request.settings, prepared->huge_page_need);
  return Lent{std::move(*folder), flat_path, *library, std::move(huge_pages)};
}

/// An older output must not be taken for this run's when the program leaves none.
void clear_outputs(const LaunchRequest& request) {
  const std::string session =
      names_process(request.session_path) ? "" : session_path(request.session_path, 0);
  for (const std::string& path : {session, request.settings.text("status")}) {
    std::error_code failed;
    if (path.empty() || !std::filesystem::is_regular_file(path, failed)) continue;
    std::filesystem::remove(path, failed);
    if (failed)
      say_warning(
          fmt::format("{}: cannot be replaced: {}; the output gets the process id at its "
                      "end",
                      path, failed.message()));
  }
}

/// What is in the way of a split recording's files.
void clear_segments(const LaunchRequest& request) {
  if (request.split.recording == 0 || names_process(request.session_path)) return;
  remove_segments(session_path(request.session_path, 0));
}

void say_unplaced(const LaunchRequest& request, const Error& error) {
  const std::size_t more = request.problems.empty() ? 0 : request.problems.size() - 1;
  const std::string others = more == 0 ? "" : fmt::format(" (and {} more)", more);
  say_warning(fmt::format("{}{}; {} runs unplaced (--strict stops instead)", error.message, others,
                          request.command.front()));
}

std::function<void(pid_t)> look_of(const LaunchRequest& request, SegmentCollector& collector) {
  if (request.models == nullptr) return {};
  return [&request, &collector](pid_t program) {
    request.models->look(program);
    if (request.split.recording != 0) collector.look(program, *request.models);
  };
}

/// The file that the program's end leaves; empty: there is none.
std::string last_file_of(const LaunchRequest& request, const std::string& session,
                         const SessionParts& parts, SegmentCollector& collector, pid_t program) {
  if (request.models != nullptr && request.split.recording != 0) {
    return collector.finish(program, *request.models);
  }
  parts.collect(session, program);
  std::error_code failed;
  return std::filesystem::exists(session, failed) ? session : std::string();
}

int end_of(const Result<os::ProgramEnd>& end, const std::string& name) {
  if (!end.ok()) {
    say_error(end.error().message);
    return kOwnFailure;
  }
  if (!end->ran) say_error(fmt::format("{}: {}", name, std::strerror(end->start_errno)));
  return end->exit_code;
}

}  // namespace

LaunchEnd launch(const LaunchRequest& request) {
  const os::HeldSignals signals;
  LaunchEnd result;
  std::vector<std::string> environment = os::current_environment();
  const SessionParts parts(request.session_path);
  const Result<Lent> lent = lend(request, parts);
  if (!lent.ok() && request.settings.flag("strict")) {
    say_error(fmt::format("{}; not started, as strict asks", lent.error().message));
    result.exit_code = kOwnFailure;
    return result;
  }
  if (lent.ok()) {
    clear_outputs(request);
    clear_segments(request);
    environment = with_preload(std::move(environment), lent->library, lent->flat_path);
    if (request.settings.flag("strict")) environment.emplace_back("TERRACE_STRICT=1");
  } else {
    say_unplaced(request, lent.error());
  }
  SegmentCollector collector(request.settings, parts, request.session_path, request.split);
  const Result<os::ProgramEnd> end =
      os::run_program({request.command, environment, look_of(request, collector)}, signals);
  result.placed = lent.ok() && end.ok() && end->ran;
  result.exit_code = end_of(end, request.command.front());
  if (result.placed) {
    result.session_path = session_path(request.session_path, end->pid);
    result.last_file = last_file_of(request, result.session_path, parts, collector, end->pid);
  }
  return result;
}

}  // namespace terrace::cli
