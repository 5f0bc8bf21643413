// SPDX-License-Identifier: Apache-2.0
// Which reader takes a path. GGUF: model_file_gguf.cc; safetensors: model_file_safetensors.cc.
#include "tiering/model/model_file.h"

#include <algorithm>
#include <filesystem>

#include "tiering/model/model_file_readers.h"

namespace terrace::model {
namespace {

namespace fs = std::filesystem;

Result<LanguageModel> read_folder(const fs::path& folder) {
  std::error_code failed;
  for (const char* name : {"model.safetensors.index.json", "model.safetensors"}) {
    if (fs::exists(folder / name, failed)) return read_model_file((folder / name).string());
  }
  std::vector<std::string> files;
  for (fs::directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed)) {
    const fs::path extension = at->path().extension();
    if (extension == ".gguf") files.push_back(at->path().string());
  }
  std::sort(files.begin(), files.end());
  if (files.empty()) {
    return make_error(ErrorCode::kUsage, 0,
                      "%.200s: holds no model.safetensors, no index of one and no .gguf file; name "
                      "the model's file",
                      folder.c_str());
  }
  auto model = read_gguf_model(files[0]);
  if (!model || files.size() == shards_of_gguf(files[0]).size()) return model;
  return make_error(ErrorCode::kUsage, 0, "%.200s: holds several models; name one of its files",
                    folder.c_str());
}

bool is_path(const std::string& text) {
  const std::string_view view(text);
  return view.find('/') != std::string_view::npos || view.ends_with(".gguf") ||
         view.ends_with(".safetensors") || view.ends_with(".json");
}

}  // namespace

Result<LanguageModel> read_model_file(const std::string& path) {
  std::error_code failed;
  if (fs::is_directory(path, failed)) return read_folder(path);
  const std::string_view view(path);
  if (view.ends_with(".json") || view.ends_with(".safetensors")) {
    return read_safetensors_model(path);
  }
  return read_gguf_model(path);
}

Result<LanguageModel> find_model(const Catalogue& catalogue, const std::string& name_or_path) {
  if (is_path(name_or_path)) return read_model_file(name_or_path);
  const auto found = catalogue.find_model(name_or_path);
  if (found) return **found;
  std::error_code failed;
  if (fs::exists(name_or_path, failed)) return read_model_file(name_or_path);
  return found.error();
}

}  // namespace terrace::model
