// SPDX-License-Identifier: Apache-2.0
// Reads the three kinds of catalogue files. Internal to the catalogue: catalogue.cc finds the files
// and joins what they give. Input is the user's: every error is kUsage with file:line, reason and
// remedy. Thread-safe; allocates.
#pragma once

#include <string>
#include <vector>

#include <terrace/result.h>

#include "tiering/model/catalogue.h"

namespace terrace::model {

/// From the text of a file; `path` serves the messages. Names may repeat: the caller decides.
Result<std::vector<TierModel>> parse_tiers(const std::string& text, const std::string& path);
Result<std::vector<LanguageModel>> parse_models(const std::string& text, const std::string& path);
/// `tiers`: what the machines may refer to.
Result<std::vector<MachineModel>> parse_machines(const std::string& text, const std::string& path,
                                                 const std::vector<TierModel>& tiers);

}  // namespace terrace::model
