// SPDX-License-Identifier: Apache-2.0
// `terrace report --html`: asks the planner what the page shows beyond the session, and writes the
// page. Not thread-safe; allocates.
#pragma once

#include <string>

#include <terrace/result.h>

#include "profiler/heat/heat_map.h"
#include "profiler/session/session_reader.h"
#include "tiering/cli/settings.h"

namespace terrace::cli {

/// Before any work: can there be a page, and may it be written there? Errors: kCapabilityMissing,
/// kUsage.
Status check_report_page(const Settings& settings);

/// Errors: those of reading --plan and --session, and kIo. A plan that cannot be made is said on
/// the page.
Status write_report_page(const Settings& settings, const std::string& session_path,
                         const session::Session& session, const heat::HeatMap& heat);

}  // namespace terrace::cli
