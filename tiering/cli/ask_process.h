// SPDX-License-Identifier: Apache-2.0
// Whether a process can be asked, and how: what status and record -p share. Thread-safe but for
// question_for(), which may move this process into another network namespace; allocates.
#pragma once

#include <sys/types.h>

#include <string>

#include <terrace/result.h>

#include "tiering/control/os/process_facts.h"
#include "tiering/control/os/status_query.h"

namespace terrace::cli {

/// Error kUsage: the text is no process id.
Result<pid_t> parse_pid(const std::string& text);

/// Everything that can be known without asking: may it be asked, and by which names? Errors: kUsage
/// when it does not run under Terrace, kCapabilityMissing when it is another user's, has no socket
/// or is out of reach.
Result<control::os::Question> question_for(const control::os::ProcessFacts& process);

Error nothing_to_ask(const control::os::ProcessFacts& process);

}  // namespace terrace::cli
