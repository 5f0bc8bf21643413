// SPDX-License-Identifier: Apache-2.0
// Gives the objects of a session their names: after a recording into the file, and when a session
// is shown with --model or --site-rules. Says on standard error what could not be named.
// Thread-safe; allocates.
#pragma once

#include <string>
#include <vector>

#include <terrace/result.h>

#include "profiler/session/session_reader.h"
#include "tiering/cli/settings.h"
#include "tiering/names/name_session.h"

namespace terrace::cli {

/// Last step of record, and of run with --record. Never fails the recording.
void name_recording(const Settings& settings, const std::string& session_path,
                    const std::vector<names::SeenModel>& seen);

/// When the options ask for it, or nobody has named anything yet. Errors: of a model file or rules
/// that the user named.
Status name_for_show(const Settings& settings, session::Session& session);

/// The user's rules before the built-in ones.
Result<std::vector<names::SiteRule>> site_rules(const Settings& settings);

}  // namespace terrace::cli
