// SPDX-License-Identifier: Apache-2.0
#include "tiering/wall/fit_file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <optional>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "allocators/base/nearest_word.h"
#include "allocators/topology/text_file.h"

namespace terrace::wall {
namespace {

struct NumberKey {
  std::string_view key;
  double low;  ///< exclusive
  double high;
  double& (*in)(FittedConstants&);
};

constexpr std::array<NumberKey, 8> kNumbers = {{
    {"hidden_share", 0, 1, [](FittedConstants& c) -> double& { return c.fit.hidden_share; }},
    {"unpacking_share", 0, 1, [](FittedConstants& c) -> double& { return c.fit.unpacking_share; }},
    {"knee_gbps", 0, 1e9, [](FittedConstants& c) -> double& { return c.fit.knee_gbps; }},
    {"layer_microseconds", 0, 1e6,
     [](FittedConstants& c) -> double& { return c.fit.layer_seconds; }},
    {"spread", 0.999, 100, [](FittedConstants& c) -> double& { return c.fit.spread; }},
    {"left_out_error", 0, 100, [](FittedConstants& c) -> double& { return c.left_out_error; }},
    {"compute_share", 0, 1, [](FittedConstants& c) -> double& { return c.compute_share; }},
    {"compute_spread", 0.999, 100, [](FittedConstants& c) -> double& { return c.compute_spread; }},
}};

constexpr std::array<std::string_view, 3> kTexts = {"source", "how", "compute_source"};

std::string& text_in(FittedConstants& constants, std::string_view key) {
  if (key == "source") return constants.source;
  return key == "how" ? constants.how : constants.compute_source;
}

Error bad(const std::string& name, std::size_t line, const std::string& reason) {
  return make_error(ErrorCode::kUsage, 0, "%.120s:%zu: %.180s", name.c_str(), line, reason.c_str());
}

class Reader {
 public:
  Reader(const toml::table& table, const std::string& name) : table_(table), name_(name) {}

  Result<FittedConstants> read() {
    for (const NumberKey& number : kNumbers) take(number);
    for (const std::string_view key : kTexts) take_text(key);
    if (const auto count = table_["points"].value<std::int64_t>(); count && *count > 0) {
      constants_.points = static_cast<std::size_t>(*count);
    } else {
      complain(line_of("points"), "points is no count above 0");
    }
    refuse_unknown();
    if (wrong_) return *wrong_;
    constants_.fit.layer_seconds *= 1e-6;
    return constants_;
  }

 private:
  std::size_t line_of(std::string_view key) const {
    const toml::node* const node = table_.get(key);
    return node == nullptr ? 1 : node->source().begin.line;
  }
  void complain(std::size_t line, const std::string& reason) {
    if (!wrong_) wrong_ = bad(name_, line, reason);
  }
  void take(const NumberKey& number) {
    const std::optional<double> value = table_[number.key].value<double>();
    if (value && std::isfinite(*value) && *value > number.low && *value <= number.high) {
      number.in(constants_) = *value;
    } else {
      complain(line_of(number.key), fmt::format("{} is no number above {} and up to {}", number.key,
                                                number.low, number.high));
    }
  }
  void take_text(std::string_view key) {
    const std::optional<std::string> value = table_[key].value<std::string>();
    if (value && !value->empty()) {
      text_in(constants_, key) = *value;
    } else {
      complain(line_of(key), fmt::format("{} is missing or empty", key));
    }
  }
  void refuse_unknown() {
    std::vector<std::string_view> known(kTexts.begin(), kTexts.end());
    for (const NumberKey& number : kNumbers) known.push_back(number.key);
    known.push_back("points");
    for (const auto& [key, node] : table_) {
      if (std::find(known.begin(), known.end(), key.str()) != known.end()) continue;
      const std::string_view best = nearest_word(key.str(), known);
      complain(node.source().begin.line,
               fmt::format("unknown key \"{:.60}\"{}", key.str(),
                           best.empty() ? "" : fmt::format("; did you mean \"{}\"?", best)));
    }
  }

  const toml::table& table_;
  const std::string& name_;
  FittedConstants constants_;
  std::optional<Error> wrong_;
};

}  // namespace

Result<FittedConstants> parse_constants(std::string_view text, const std::string& name) {
  try {
    return Reader(toml::parse(text, name), name).read();
  } catch (const toml::parse_error& error) {
    return bad(name, error.source().begin.line, std::string(error.description()));
  }
}

Result<FittedConstants> read_constants(const std::string& path) {
  const std::optional<std::string> text = read_small_file(path);
  if (text) return parse_constants(*text, path);
  return make_error(ErrorCode::kIo, errno, "%.200s: cannot be read: %s; check its path and rights",
                    path.c_str(), std::strerror(errno));
}

std::string constants_as_toml(const FittedConstants& constants) {
  const DecodeFit& fit = constants.fit;
  return fmt::format(
      "# SPDX-License-Identifier: Apache-2.0\n"
      "# Constants of the decode predictor, shared by all hardware (docs/memory-wall.md, ADR 23).\n"
      "# Derived: printed by `terrace wall validate --points FILE --refit`.\n"
      "hidden_share = {:.4f}          # of nominal bandwidth, where unpacking hides behind reads\n"
      "unpacking_share = {:.4f}       # of nominal bandwidth, where unpacking slows the reads\n"
      "knee_gbps = {:.1f}             # of one processor; above it the geometric mean counts\n"
      "layer_microseconds = {:.2f}    # per layer and step\n"
      "spread = {:.3f}                # factor that 4 of 5 left-out speeds lie within\n"
      "left_out_error = {:.4f}        # mean of |predicted / measured - 1|, hardware left out\n"
      "points = {}\n"
      "source = \"{}\"\n"
      "how = \"{}\"\n"
      "\n"
      "# Of nominal flops, for prompts and large batches: an assumption, not a fit.\n"
      "compute_share = {:.2f}\n"
      "compute_spread = {:.2f}\n"
      "compute_source = \"{}\"\n",
      fit.hidden_share, fit.unpacking_share, fit.knee_gbps, fit.layer_seconds * 1e6, fit.spread,
      constants.left_out_error, constants.points, constants.source, constants.how,
      constants.compute_share, constants.compute_spread, constants.compute_source);
}

}  // namespace terrace::wall
