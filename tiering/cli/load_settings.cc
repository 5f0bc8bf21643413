// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/load_settings.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "tiering/cli/suggest.h"

namespace terrace::cli {
namespace {

namespace fs = std::filesystem;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

/// Empty when neither variable names an absolute folder.
std::string user_config_folder() {
  std::string configured = environment("XDG_CONFIG_HOME");
  if (!configured.empty() && configured.front() == '/') return configured;
  const std::string home = environment("HOME");
  return home.empty() ? std::string() : home + "/.config";
}

std::vector<std::string_view> file_keys() {
  std::vector<std::string_view> keys;
  for (const OptionSpec& spec : kOptions) {
    if (spec.reach == Reach::kEverywhere) keys.push_back(spec.key);
  }
  return keys;
}

Error unknown_key(const std::string& place, std::string_view key) {
  const std::string text(key.substr(0, 60));
  const std::size_t index = find_option(key);
  if (index != kNoOption && kOptions[index].reach == Reach::kFlagOnly)
    return make_error(ErrorCode::kUsage, 0, "%s: \"%s\" can only be given as the flag --%s",
                      place.c_str(), text.c_str(), text.c_str());
  const std::string hint = suggestion(key, file_keys());
  return make_error(ErrorCode::kUsage, 0, "%s: unknown key \"%s\"%s", place.c_str(), text.c_str(),
                    hint.empty() ? "; docs/options.md lists the keys" : hint.c_str());
}

void apply(LoadedSettings& loaded, std::string_view key, std::string_view text,
           const std::string& place) {
  const std::size_t index = find_option(key);
  if (index == kNoOption || kOptions[index].reach == Reach::kFlagOnly) {
    loaded.problems.push_back(unknown_key(place, key));
    return;
  }
  const Status set = loaded.settings.set(OptionId(index), text, place);
  if (!set.ok()) loaded.problems.push_back(set.error());
}

/// A TOML scalar as the text that a flag would carry; empty for a table, list or date.
std::string scalar_text(const toml::node& node) {
  if (const auto text = node.value_exact<std::string>()) return *text;
  if (const auto number = node.value_exact<std::int64_t>()) return fmt::format("{}", *number);
  if (const auto number = node.value_exact<double>()) return fmt::format("{}", *number);
  if (const auto flag = node.value_exact<bool>()) return *flag ? "true" : "false";
  return {};
}

void apply_entry(LoadedSettings& loaded, const std::string& path, std::string_view key,
                 const toml::node& node, toml::source_position at) {
  const std::string place = fmt::format("{}:{}", path, at.line);
  const std::size_t index = find_option(key);
  if (!node.is_value() && index != kNoOption) {
    loaded.problems.push_back(make_error(ErrorCode::kUsage, 0, "%s: %.*s: one value is expected",
                                         place.c_str(), static_cast<int>(key.size()), key.data()));
    return;
  }
  std::string text = scalar_text(node);
  const bool relative = index != kNoOption && kOptions[index].type == OptionType::kPath &&
                        !text.empty() && text.front() != '/';
  if (relative) text = (fs::path(path).parent_path() / text).string();
  apply(loaded, key, text, place);
}

/// Splits at commas that no backslash precedes, and takes those backslashes away.
std::vector<std::string> split_conf(const std::string& conf) {
  std::vector<std::string> parts(1);
  for (std::size_t i = 0; i < conf.size(); ++i) {
    if (conf[i] == '\\' && i + 1 < conf.size()) {
      parts.back() += conf[++i];
    } else if (conf[i] == ',') {
      parts.emplace_back();
    } else {
      parts.back() += conf[i];
    }
  }
  return parts;
}

}  // namespace

SettingSources standard_sources() {
  SettingSources sources;
  sources.files.emplace_back("/etc/terrace/config.toml");
  const std::string user = user_config_folder();
  if (!user.empty()) sources.files.push_back(user + "/terrace/config.toml");
  sources.files.emplace_back(".terrace.toml");
  sources.conf = environment("TERRACE_CONF");
  return sources;
}

void apply_file(LoadedSettings& loaded, const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) {
    std::error_code ignored;
    if (!fs::exists(path, ignored)) return;
    loaded.problems.push_back(make_error(
        ErrorCode::kIo, EACCES, "%s: cannot be read; check its permissions", path.c_str()));
    return;
  }
  try {
    const toml::table table = toml::parse(stream, path);
    for (const auto& [key, node] : table)
      apply_entry(loaded, path, key.str(), node, key.source().begin);
  } catch (const toml::parse_error& error) {
    loaded.problems.push_back(make_error(ErrorCode::kUsage, 0, "%s:%u: not TOML: %s", path.c_str(),
                                         static_cast<unsigned>(error.source().begin.line),
                                         std::string(error.description()).c_str()));
  }
}

void apply_conf(LoadedSettings& loaded, const std::string& conf) {
  for (const std::string& part : split_conf(conf)) {
    if (part.empty()) continue;
    const std::size_t colon = part.find(':');
    if (colon == std::string::npos) {
      const std::size_t index = find_option(part);
      const bool flag = index != kNoOption && kOptions[index].type == OptionType::kFlag;
      if (flag || index == kNoOption) {
        apply(loaded, part, "true", "TERRACE_CONF");
      } else {
        loaded.problems.push_back(make_error(ErrorCode::kUsage, 0,
                                             "TERRACE_CONF: %s: no value; write %s:VALUE",
                                             part.c_str(), part.c_str()));
      }
      continue;
    }
    apply(loaded, std::string_view(part).substr(0, colon), std::string_view(part).substr(colon + 1),
          "TERRACE_CONF");
  }
}

LoadedSettings load_settings(const SettingSources& sources) {
  LoadedSettings loaded;
  for (const std::string& file : sources.files) apply_file(loaded, file);
  apply_conf(loaded, sources.conf);
  return loaded;
}

Status apply_flags(Settings& settings, const std::vector<GivenFlag>& flags) {
  for (const GivenFlag& flag : flags) {
    const std::string place = "--" + std::string(flag.option.spec().flag());
    const Status set = settings.set(flag.option, flag.text, place);
    if (!set.ok()) return set;
  }
  return ok_status();
}

}  // namespace terrace::cli
