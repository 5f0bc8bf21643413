// SPDX-License-Identifier: Apache-2.0
#include "allocators/topology/tier_file.h"

#include <toml++/toml.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "allocators/base/nearest_word.h"
#include "allocators/topology/parse_units.h"
#include "allocators/topology/text_file.h"

namespace terrace {
namespace {

constexpr auto kTopKeys = std::to_array<std::string_view>({"only", "tier"});
constexpr auto kTierKeys = std::to_array<std::string_view>(
    {"name", "kind", "backing", "nodes", "path", "use", "capacity", "bandwidth", "latency"});
constexpr auto kKinds = std::to_array<TierKind>(
    {TierKind::kHbm, TierKind::kDram, TierKind::kCxl, TierKind::kPmem, TierKind::kFile});
constexpr auto kBackings =
    std::to_array<BackingKind>({BackingKind::kNuma, BackingKind::kEmulatedLink, BackingKind::kDax});
constexpr auto kUses = std::to_array<Use>({Use::kPlaced, Use::kOnRequest});
/// Names appear in options and plans, where blanks, colons and commas mean something.
constexpr std::string_view kNameLetters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
constexpr std::size_t kMaxName = 32;

int line_of(const toml::node& node) {
  return static_cast<int>(node.source().begin.line);
}
int line_of(const toml::key& key) {
  return static_cast<int>(key.source().begin.line);
}

/// `; did you mean "capacity"?` or the list of what is known.
template <std::size_t N>
std::string hint(std::string_view word, const std::array<std::string_view, N>& known) {
  if (const std::string_view near = nearest_word(word, known); !near.empty())
    return "did you mean \"" + std::string(near) + "\"?";
  std::string all = "known are";
  for (const std::string_view name : known) all += " " + std::string(name);
  return all;
}

template <typename Kind, std::size_t N>
std::array<std::string_view, N> names_of(const std::array<Kind, N>& kinds) {
  std::array<std::string_view, N> names;
  for (std::size_t i = 0; i < N; ++i) names[i] = name_of(kinds[i]);
  return names;
}

class Parser {
 public:
  explicit Parser(const std::string& path) { file_.path = path; }

  Result<TierFile> parse(const toml::table& root) {
    for (auto&& [key, node] : root) {
      if (key.str() == "only") {
        const auto only = node.value_exact<bool>();
        if (!only) return error(line_of(node), "key \"only\" must be true or false");
        file_.only = *only;
      } else if (key.str() != "tier") {
        return error(line_of(key), "unknown key \"" + std::string(key.str()) + "\"; " +
                                       hint(key.str(), kTopKeys));
      } else if (const Status read = parse_tiers(node); !read) {
        return read.error();
      }
    }
    if (file_.only && file_.entries.empty())
      return error(1, "\"only = true\" leaves no tier; add a [[tier]] or take it out");
    return std::move(file_);
  }

 private:
  Error error(int line, const std::string& text) const {
    return make_error(ErrorCode::kUsage, 0, "%s:%d: %s", file_.path.c_str(), line, text.c_str());
  }

  Status parse_tiers(const toml::node& node) {
    const toml::array* const tiers = node.as_array();
    if (tiers == nullptr || !tiers->is_homogeneous(toml::node_type::table))
      return error(line_of(node), "key \"tier\" must head tables; write [[tier]]");
    for (auto&& tier : *tiers)
      if (const Status read = parse_tier(*tier.as_table()); !read) return read;
    return ok_status();
  }

  Status parse_tier(const toml::table& table) {
    TierEntry entry;
    entry.line = line_of(table);
    for (auto&& [key, node] : table)
      if (const Status read = parse_key(entry, key, node); !read) return read;
    if (entry.name.value.empty())
      return error(entry.line, "[[tier]] has no \"name\"; add one, as in name = \"slow\"");
    for (const TierEntry& other : file_.entries)
      if (other.name.value == entry.name.value)
        return error(entry.name.line,
                     "key \"name\": \"" + entry.name.value + "\" is defined in line " +
                         std::to_string(other.name.line) + " already; join the two or rename one");
    file_.entries.push_back(std::move(entry));
    return ok_status();
  }

  Status parse_key(TierEntry& entry, const toml::key& key, const toml::node& node) {
    const std::string_view name = key.str();
    if (name == "name") return parse_name(entry, node);
    if (name == "kind") return parse_choice(entry.kind, name, node, kKinds);
    if (name == "backing") return parse_choice(entry.backing, name, node, kBackings);
    if (name == "nodes") return parse_nodes(entry, node);
    if (name == "path") return parse_path(entry, node);
    if (name == "use") return parse_choice(entry.use, name, node, kUses);
    if (name == "capacity") return parse_capacity(entry, node);
    if (name == "bandwidth") return parse_text(entry.bandwidth, name, node, parse_bandwidth);
    if (name == "latency") return parse_latency(entry, node);
    return error(line_of(key),
                 "unknown key \"" + std::string(name) + "\"; " + hint(name, kTierKeys));
  }

  Status parse_name(TierEntry& entry, const toml::node& node) {
    const auto name = node.value_exact<std::string>();
    if (!name || name->empty() || name->size() > kMaxName ||
        name->find_first_not_of(kNameLetters) != std::string::npos)
      return error(line_of(node),
                   "key \"name\" takes 1 to 32 letters, digits, '_', '.' or '-', as in \"slow\"");
    entry.name = {*name, line_of(node)};
    return ok_status();
  }

  /// The file's reader may stand anywhere: a relative path starts where the file is.
  Status parse_path(TierEntry& entry, const toml::node& node) {
    namespace fs = std::filesystem;
    const auto text = node.value_exact<std::string>();
    if (!text || text->empty() || text->find('\0') != std::string::npos)
      return error(line_of(node),
                   "key \"path\" takes a device, file or folder in quotes, as in "
                   "\"/dev/dax0.0\"");
    std::error_code ignored;
    const fs::path whole = fs::absolute(file_.path, ignored).parent_path() / *text;
    entry.path = Located<std::string>{whole.lexically_normal().string(), line_of(node)};
    return ok_status();
  }

  template <typename Kind, std::size_t N>
  Status parse_choice(std::optional<Located<Kind>>& field, std::string_view key,
                      const toml::node& node, const std::array<Kind, N>& kinds) {
    const auto text = node.value_exact<std::string>();
    for (const Kind kind : kinds)
      if (text && *text == name_of(kind)) {
        field = Located<Kind>{kind, line_of(node)};
        return ok_status();
      }
    const std::string got = text ? "\"" + *text + "\"" : "a value that is no string";
    return error(line_of(node), "key \"" + std::string(key) + "\": " + got + "; " +
                                    hint(text.value_or(""), names_of(kinds)));
  }

  template <typename T, typename Parse>
  Status parse_text(std::optional<Located<T>>& field, std::string_view key, const toml::node& node,
                    Parse parse_value) {
    const auto text = node.value_exact<std::string>();
    if (!text) return error(line_of(node), "key \"" + std::string(key) + "\" " + quote_it(key));
    const Result<T> value = parse_value(*text);
    if (!value)
      return error(line_of(node), "key \"" + std::string(key) + "\": " + value.error().message);
    field = Located<T>{*value, line_of(node)};
    return ok_status();
  }

  static std::string quote_it(std::string_view key) {
    const char* const form = key == "bandwidth" ? "\"2.3GB/s\""
                             : key == "latency" ? "\"250ns\""
                                                : "\"4GiB\"";
    return std::string("needs a unit and quotes, as in ") + form;
  }

  Status parse_capacity(TierEntry& entry, const toml::node& node) {
    if (const Status read = parse_text(entry.capacity, "capacity", node, parse_size); !read)
      return read;
    if (entry.capacity->value.value == 0)
      return error(line_of(node),
                   "key \"capacity\" is 0; give at least one 2 MiB block or drop "
                   "the tier");
    return ok_status();
  }

  Status parse_latency(TierEntry& entry, const toml::node& node) {
    if (const Status read = parse_text(entry.latency, "latency", node, parse_duration); !read)
      return read;
    if (entry.latency->value.value == 0)
      return error(line_of(node), "key \"latency\" is 0; leave it out when it is not known");
    return ok_status();
  }

  Status parse_nodes(TierEntry& entry, const toml::node& node) {
    std::string list;
    if (const toml::array* const numbers = node.as_array()) {
      for (auto&& item : *numbers) {
        const auto number = item.value_exact<std::int64_t>();
        if (!number) return error(line_of(item), "key \"nodes\" takes numbers, as in [0, 2]");
        list += (list.empty() ? "" : ",") + std::to_string(*number);
      }
    } else {
      const auto text = node.value_exact<std::string>();
      if (!text) return error(line_of(node), "key \"nodes\" takes [0, 2] or \"0-1,3\"");
      list = *text;
    }
    auto nodes = parse_node_list(list);
    if (!nodes) return error(line_of(node), std::string("key \"nodes\": ") + nodes.error().message);
    entry.nodes = Located<std::vector<NodeId>>{std::move(*nodes), line_of(node)};
    return ok_status();
  }

  TierFile file_;
};

}  // namespace

Result<TierFile> parse_tier_file(const std::string& text, const std::string& path) {
  try {
    const toml::table root = toml::parse(text, path);
    return Parser(path).parse(root);
  } catch (const toml::parse_error& failed) {
    return make_error(ErrorCode::kUsage, 0, "%s:%d: not valid TOML: %s", path.c_str(),
                      static_cast<int>(failed.source().begin.line), failed.what());
  }
}

Result<TierFile> read_tier_file(const std::string& path) {
  const auto text = read_small_file(path);
  if (!text)
    return make_error(ErrorCode::kIo, errno,
                      "%s: the tier file cannot be read: %s; check its path and rights",
                      path.c_str(), std::strerror(errno));
  return parse_tier_file(*text, path);
}

}  // namespace terrace
