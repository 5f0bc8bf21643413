// SPDX-License-Identifier: Apache-2.0
// The readers behind model_file.h, one for each format. Input is untrusted. Thread-safe; allocates.
#pragma once

#include <string>
#include <vector>

#include <terrace/result.h>

#include "tiering/model/gguf.h"
#include "tiering/model/language_model.h"
#include "tiering/model/safetensors.h"

namespace terrace::model {

Result<LanguageModel> read_gguf_model(const std::string& path);
/// All files of the set that `path` is one of ("m-00001-of-00003.gguf"); itself when it is of none.
std::vector<std::string> shards_of_gguf(const std::string& path);
/// From headers that are read already, the first with the metadata.
Result<LanguageModel> model_of_gguf(const std::string& path,
                                    const std::vector<GgufHeader>& headers);

/// All files of the set that `path` is one of, or is the index of; itself when it is of none.
Result<std::vector<std::string>> shards_of_safetensors(const std::string& path);
/// `path`: an index, one shard or a whole file; config.json lies beside it.
Result<LanguageModel> read_safetensors_model(const std::string& path);
Result<LanguageModel> model_of_safetensors(const std::string& path,
                                           const std::vector<SafetensorsHeader>& headers,
                                           const ModelConfig& config);

}  // namespace terrace::model
