// SPDX-License-Identifier: Apache-2.0
// A session as one self-contained page: last stage of `terrace report --html`.
// Thread-safe; allocates, at most some 5 MB whatever the session's length.
#pragma once

#include <string>

#include <terrace/result.h>

#include "profiler/heat/heat_map.h"
#include "profiler/report/page_view.h"
#include "profiler/session/session_reader.h"

namespace terrace::report {

/// `map` is made from `session`. Error kCapabilityMissing: this build holds no chart library.
Result<std::string> report_html(const session::Session& session, const heat::HeatMap& map,
                                const PageView& view);

}  // namespace terrace::report
