// SPDX-License-Identifier: Apache-2.0
// Asks running programs for their status and checks what they answer: behind `terrace status` and
// `terrace top`. May move this process into another's network namespace, so not thread-safe;
// allocates.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include <terrace/result.h>

namespace terrace::cli {

/// The answer of the process whose id `argument` is, with a label for each object, and with every
/// field that status_text() reads. Errors: kUsage when it is no process id, there is no such
/// process or it does not run under Terrace; kCapabilityMissing when it may not or cannot be asked;
/// kIo when it does not answer within two seconds or answers something else.
Result<nlohmann::ordered_json> ask_status(const std::string& argument);

/// There is no such process any more, or only what its parent has not waited for.
bool has_ended(const std::string& argument);

/// The user's processes under Terrace: pid, user, name, state ("answers" when it does), objects,
/// bytes.
Result<nlohmann::ordered_json> list_processes();

}  // namespace terrace::cli
