// SPDX-License-Identifier: Apache-2.0
#include "tiering/model/catalogue.h"

#include <algorithm>
#include <filesystem>

#include "allocators/base/number_of.h"
#include "allocators/topology/text_file.h"
#include "tiering/model/catalogue_entry.h"
#include "tiering/model/catalogue_readers.h"

namespace terrace::model {
namespace {

namespace fs = std::filesystem;

Result<std::vector<std::string>> toml_files(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code failed;
  if (!fs::exists(folder, failed)) return files;
  for (fs::directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed)) {
    if (at->path().extension() == ".toml") files.push_back(at->path().string());
  }
  if (failed) {
    return make_error(ErrorCode::kIo, failed.value(), "%.200s: cannot be listed: %s",
                      folder.c_str(), failed.message().c_str());
  }
  std::sort(files.begin(), files.end());
  return files;
}

/// Entries of one kind from one folder: two of the same name are a slip of whoever keeps it.
template <typename T, typename Parse>
Result<std::vector<T>> read_folder(const std::string& folder, Parse parse) {
  auto files = toml_files(folder);
  if (!files) return files.error();
  std::vector<T> all;
  for (const std::string& path : *files) {
    const auto text = read_small_file(path);
    if (!text) {
      return make_error(ErrorCode::kIo, 0, "%.200s: cannot be read; check its rights",
                        path.c_str());
    }
    auto entries = parse(*text, path);
    if (!entries) return entries.error();
    for (T& entry : *entries) {
      for (const T& other : all) {
        if (other.name != entry.name) continue;
        return make_error(ErrorCode::kUsage, 0,
                          "%.120s: \"%.64s\" is defined at %.100s already; rename one",
                          entry.place.c_str(), entry.name.c_str(), other.place.c_str());
      }
      all.push_back(std::move(entry));
    }
  }
  return all;
}

template <typename T>
void overlay(std::vector<T>& all, std::vector<T> later) {
  for (T& entry : later) {
    const auto same = std::find_if(all.begin(), all.end(),
                                   [&](const T& other) { return other.name == entry.name; });
    if (same == all.end()) {
      all.push_back(std::move(entry));
    } else {
      *same = std::move(entry);
    }
  }
}

template <typename T, typename Parse>
Status add_folders(std::vector<T>& all, const std::vector<std::string>& folders, const char* part,
                   Parse parse) {
  for (const std::string& folder : folders) {
    auto entries = read_folder<T>(folder + "/" + part, parse);
    if (!entries) return entries.error();
    overlay(all, std::move(*entries));
  }
  return ok_status();
}

template <typename T>
Result<const T*> find_named(const std::vector<T>& all, std::string_view name, const char* what) {
  std::vector<std::string_view> known;
  for (const T& entry : all) {
    if (entry.name == name) return &entry;
    known.push_back(entry.name);
  }
  return make_error(ErrorCode::kUsage, 0, "no %s \"%.64s\" in the catalogue; %.230s", what,
                    std::string(name).c_str(), catalogue_hint(name, known).c_str());
}

Result<MachineModel> with_setting(const MachineModel& machine, std::string_view setting) {
  const std::size_t equals = setting.find('=');
  if (equals != std::string_view::npos) {
    const auto units = number_of<std::uint64_t>(setting.substr(equals + 1));
    if (units) return with_units(machine, setting.substr(0, equals), *units);
  }
  return make_error(ErrorCode::kUsage, 0,
                    "machine \"%s\": \"%.60s\" is no TIER=COUNT; write %s:cxl=4, for example",
                    machine.name.c_str(), std::string(setting).c_str(), machine.name.c_str());
}

}  // namespace

Result<const TierModel*> Catalogue::find_tier(std::string_view name) const {
  return find_named(tiers, name, "tier");
}

Result<const LanguageModel*> Catalogue::find_model(std::string_view name) const {
  return find_named(models, name, "model");
}

Result<MachineModel> Catalogue::find_machine(std::string_view name) const {
  const std::size_t colon = name.find(':');
  const auto found = find_named(machines, name.substr(0, colon), "machine");
  if (!found) return found.error();
  MachineModel machine = **found;
  if (colon == std::string_view::npos) return machine;
  std::string_view settings = name.substr(colon + 1);
  while (true) {
    const std::size_t comma = settings.find(',');
    auto changed = with_setting(machine, settings.substr(0, comma));
    if (!changed) return changed.error();
    machine = std::move(*changed);
    if (comma == std::string_view::npos) return machine;
    settings.remove_prefix(comma + 1);
  }
}

Result<Catalogue> load_catalogue(const std::vector<std::string>& folders) {
  for (const std::string& folder : folders) {
    std::error_code ignored;
    if (fs::is_directory(folder, ignored)) continue;
    return make_error(ErrorCode::kIo, 0,
                      "%.200s: no such folder; name one that holds tiers/, machines/ or models/",
                      folder.c_str());
  }
  Catalogue catalogue;
  Status read = add_folders(catalogue.tiers, folders, "tiers", parse_tiers);
  if (!read) return read.error();
  read = add_folders(catalogue.machines, folders, "machines",
                     [&](const std::string& text, const std::string& path) {
                       return parse_machines(text, path, catalogue.tiers);
                     });
  if (!read) return read.error();
  read = add_folders(catalogue.models, folders, "models", parse_models);
  if (!read) return read.error();
  return catalogue;
}

Result<std::string> find_catalogue_folder(const std::string& executable_folder) {
  const fs::path folder(executable_folder);
  const fs::path places[] = {folder / "catalogue",
                             folder.parent_path() / "share" / "terrace" / "catalogue"};
  for (const fs::path& place : places) {
    std::error_code ignored;
    if (fs::is_directory(place / "models", ignored)) return place.string();
  }
  return make_error(ErrorCode::kIo, 0,
                    "no catalogue of machines and models: looked in %.120s and %.120s; install "
                    "Terrace whole, or name a folder",
                    places[0].c_str(), places[1].c_str());
}

}  // namespace terrace::model
