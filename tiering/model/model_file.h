// SPDX-License-Identifier: Apache-2.0
// A model file as a LanguageModel with the exact size of each tensor: GGUF or safetensors, in one
// file or in shards, or a folder with a safetensors index or a GGUF. The first step when a user
// names a file instead of a model of the catalogue. Input is untrusted. Thread-safe; allocates.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <terrace/result.h>

#include "tiering/model/catalogue.h"
#include "tiering/model/language_model.h"

namespace terrace::model {

/// Any shard of a set names all of it. Errors: kIo when a file cannot be read; kUsage with file,
/// offset or key, and remedy, when one is damaged, cut short, missing from its set, or lacks what a
/// shape needs.
Result<LanguageModel> read_model_file(const std::string& path);

/// A catalogue name, or a path: what has a '/' in it, ends in .gguf, .safetensors or .json, or
/// exists as a file and not in the catalogue.
Result<LanguageModel> find_model(const Catalogue& catalogue, const std::string& name_or_path);

}  // namespace terrace::model
