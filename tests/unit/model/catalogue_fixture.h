// SPDX-License-Identifier: Apache-2.0
// The catalogue that comes with Terrace, and folders of small ones. For tests. Allocates.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <string>

#include "tiering/model/catalogue.h"

namespace terrace::fixture {

inline const model::Catalogue& shipped_catalogue() {
  static const Result<model::Catalogue> loaded =
      model::load_catalogue(std::string(TERRACE_CATALOGUE_FOLDER));
  if (!loaded) ADD_FAILURE() << loaded.error().message;
  static const model::Catalogue none;
  return loaded ? loaded.value() : none;
}

inline const model::LanguageModel& shipped_model(std::string_view name) {
  const auto found = shipped_catalogue().find_model(name);
  if (!found) ADD_FAILURE() << found.error().message;
  static const model::LanguageModel none;
  return found ? **found : none;
}

/// A folder of its own, gone with this.
class CatalogueFolder {
 public:
  CatalogueFolder()
      : path_(testing::TempDir() + "/catalogue-" + std::to_string(std::random_device{}())) {
    std::filesystem::create_directories(path_);
  }
  CatalogueFolder(const CatalogueFolder&) = delete;
  CatalogueFolder& operator=(const CatalogueFolder&) = delete;
  ~CatalogueFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  /// `name` may name a folder in it: "tiers/a.toml". Returns the file's path.
  std::string write(const std::string& name, const std::string& content) const {
    const std::filesystem::path file = std::filesystem::path(path_) / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << content;
    return file.string();
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace terrace::fixture
