// SPDX-License-Identifier: Apache-2.0
// A running program's status for people. Second half of `terrace status`.
// Thread-safe; allocates.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace terrace::cli {

/// `process` is what the program answered, with a "label" for each of the largest objects. Throws
/// nlohmann::json::exception when it is no such document.
std::string status_text(const nlohmann::ordered_json& process);

}  // namespace terrace::cli
