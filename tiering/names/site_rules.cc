// SPDX-License-Identifier: Apache-2.0
#include "tiering/names/site_rules.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "allocators/base/pattern.h"
#include "allocators/topology/parse_units.h"
#include "tiering/model/catalogue_tables.h"

namespace terrace::names {
namespace {

using model::CatalogueEntry;

constexpr std::uintmax_t kMaxFile = 1 << 20;
constexpr std::size_t kMaxPatterns = 64;

std::vector<std::string> patterns(CatalogueEntry& entry, std::string_view key) {
  std::vector<std::string> all;
  const toml::array* list = entry.array(key);
  if (list == nullptr) return all;
  for (const toml::node& node : *list) {
    const auto text = node.value_exact<std::string>();
    if (!text || text->empty() || all.size() == kMaxPatterns) {
      entry.refuse(key, "takes a list of 1 to 64 patterns in quotes, as [\"llama_kv_cache\"]");
      return {};
    }
    all.push_back(*text);
  }
  return all;
}

std::optional<Bytes> size(CatalogueEntry& entry, std::string_view key) {
  if (!entry.has(key)) return std::nullopt;
  const auto parsed = parse_size(entry.text(key));
  if (parsed) return *parsed;
  entry.refuse(key, parsed.error().message);
  return std::nullopt;
}

session::MemoryClass memory_class(CatalogueEntry& entry) {
  const std::string word = entry.required_text("class");
  const auto found = session::memory_class_of(word);
  if (found) return *found;
  entry.refuse("class", "is no class of memory; " +
                            model::catalogue_hint(word, {"weight", "expert", "kv", "activation",
                                                         "scratch", "staging", "unknown"}));
  return session::MemoryClass::kUnknown;
}

Result<SiteRule> read_rule(CatalogueEntry& entry) {
  SiteRule rule;
  rule.place = entry.place();
  rule.name = entry.required_text("name");
  rule.memory_class = memory_class(entry);
  rule.symbols = patterns(entry, "symbols");
  rule.without = patterns(entry, "without");
  rule.module = entry.text("module");
  rule.min_size = size(entry, "min-size").value_or(Bytes(0));
  rule.max_size = size(entry, "max-size");
  if (entry.has("turn")) rule.turn = entry.count("turn", 0);
  const std::uint64_t confidence = entry.count("confidence", rule.confidence);
  if (confidence > 100) entry.refuse("confidence", "is in percent: 0 to 100");
  rule.confidence = static_cast<std::uint8_t>(confidence);
  if (rule.symbols.empty() && rule.module.empty() && !rule.max_size && rule.min_size.value == 0) {
    entry.refuse("symbols",
                 "is missing, as are module, min-size and max-size: the rule would fit "
                 "everything");
  }
  if (rule.max_size && rule.max_size->value < rule.min_size.value) {
    entry.refuse("max-size", "is below min-size");
  }
  if (const Status read = entry.finish(); !read) return read.error();
  return rule;
}

bool fits_some(const std::vector<std::string>& words, const std::string& pattern) {
  return std::any_of(words.begin(), words.end(),
                     [&](const std::string& word) { return matches_pattern(word, pattern); });
}

}  // namespace

bool matches(const SiteRule& rule, const SiteFacts& facts) {
  if (facts.size.value < rule.min_size.value) return false;
  if (rule.max_size && facts.size.value > rule.max_size->value) return false;
  if (!rule.module.empty() && !fits_some(facts.modules, rule.module)) return false;
  const auto met = [&](const std::string& symbol) {
    return fits_some(facts.symbols, "*" + symbol + "*");
  };
  return std::all_of(rule.symbols.begin(), rule.symbols.end(), met) &&
         std::none_of(rule.without.begin(), rule.without.end(), met);
}

Result<std::vector<SiteRule>> parse_site_rules(const std::string& text, const std::string& path) {
  return model::read_entries<SiteRule>(text, path, "site", read_rule);
}

Result<std::vector<SiteRule>> read_site_rules(const std::string& path) {
  std::error_code failed;
  const std::uintmax_t bytes = std::filesystem::file_size(path, failed);
  std::ifstream file(path, std::ios::binary);
  if (failed || !file) {
    return make_error(ErrorCode::kIo, failed.value(),
                      "%.200s: the site rules cannot be read: %s; check the path", path.c_str(),
                      failed ? failed.message().c_str() : std::strerror(EACCES));
  }
  if (bytes > kMaxFile) {
    return make_error(ErrorCode::kUsage, 0, "%.200s: more than 1 MiB is no file of site rules",
                      path.c_str());
  }
  std::ostringstream text;
  text << file.rdbuf();
  return parse_site_rules(text.str(), path);
}

}  // namespace terrace::names
