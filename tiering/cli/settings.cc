// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/settings.h"

#include <charconv>
#include <cmath>
#include <vector>

#include "allocators/base/number_of.h"
#include "allocators/base/text.h"
#include "allocators/topology/parse_units.h"
#include "tiering/cli/suggest.h"
#include "tiering/plan/rule_text.h"

namespace terrace::cli {
namespace {

std::vector<std::string_view> split_choices(std::string_view choices) {
  std::vector<std::string_view> names;
  while (!choices.empty()) {
    const std::size_t bar = choices.find('|');
    names.push_back(choices.substr(0, bar));
    choices = bar == std::string_view::npos ? std::string_view() : choices.substr(bar + 1);
  }
  return names;
}

Status check_choice(const OptionSpec& spec, std::string_view text) {
  const std::vector<std::string_view> names = split_choices(spec.choices);
  std::string list;
  for (const std::string_view name : names) {
    if (name == text) return ok_status();
    list += (list.empty() ? "" : ", ") + std::string(name);
  }
  return make_error(ErrorCode::kUsage, 0, "\"%.*s\" is none of %s%s", shown(text), text.data(),
                    list.c_str(), suggestion(text, names).c_str());
}

Status check_flag(std::string_view text) {
  if (text == "true" || text == "false") return ok_status();
  return make_error(ErrorCode::kUsage, 0, "\"%.*s\" is neither true nor false", shown(text),
                    text.data());
}

Result<std::uint32_t> parse_integer(std::string_view text) {
  if (const auto value = number_of<std::uint32_t>(text)) return *value;
  return make_error(ErrorCode::kUsage, 0, "\"%.*s\" is no whole number from 0 to 4294967295",
                    shown(text), text.data());
}

Status check_path(std::string_view text) {
  if (text.empty()) return make_error(ErrorCode::kUsage, 0, "an empty file name");
  if (text.find('\0') == std::string_view::npos) return ok_status();
  return make_error(ErrorCode::kUsage, 0, "a file name with a NUL byte in it");
}

Status check_text(std::string_view text) {
  if (!text.empty() && text.find('\0') == std::string_view::npos) return ok_status();
  return make_error(ErrorCode::kUsage, 0, "an empty value, or one with a NUL byte in it");
}

/// Values of earlier versions, and what they mean now.
struct FormerValue {
  std::string_view key;
  std::string_view text;
  std::string_view now;
};
constexpr FormerValue kFormerValues[] = {
    {"materialize", "true", "always"},
    {"materialize", "false", "never"},
};

const FormerValue* find_former(std::string_view key, std::string_view text) {
  for (const FormerValue& former : kFormerValues) {
    if (former.key == key && former.text == text) return &former;
  }
  return nullptr;
}

/// A flag's place is its own name already.
std::string with_key(std::string_view place, std::string_view key) {
  std::string where(place);
  if (!place.starts_with("--")) where += ": " + std::string(key);
  return where;
}

template <typename T>
Status only_status(const Result<T>& result) {
  return result.ok() ? ok_status() : Status(result.error());
}

}  // namespace

Result<double> parse_percent(std::string_view text) {
  const bool percent = !text.empty() && text.back() == '%';
  const std::string_view number = percent ? text.substr(0, text.size() - 1) : text;
  const char* const end = number.data() + number.size();
  double value = 0;
  const auto [stop, error] = std::from_chars(number.data(), end, value, std::chars_format::fixed);
  if (percent) value /= 100;
  const bool parsed = error == std::errc() && stop == end && !number.empty();
  if (parsed && std::isfinite(value) && value >= 0 && value <= 1) return value;
  return make_error(ErrorCode::kUsage, 0,
                    "\"%.*s\" is no share; write it like 15%% or 0.15, from 0 to 100%%",
                    shown(text), text.data());
}

Status check_value(const OptionSpec& spec, std::string_view text) {
  switch (spec.type) {
    case OptionType::kFlag:
      return check_flag(text);
    case OptionType::kPath:
      return check_path(text);
    case OptionType::kText:
      return check_text(text);
    case OptionType::kChoice:
      return check_choice(spec, text);
    case OptionType::kSize:
      return only_status(parse_size(text));
    case OptionType::kDuration:
      return only_status(parse_duration(text));
    case OptionType::kPercent:
      return only_status(parse_percent(text));
    case OptionType::kInteger:
      return only_status(parse_integer(text));
    case OptionType::kRules:
      return only_status(plan::parse_rules(plan::RuleKind::kPin, text));
  }
  return make_error(ErrorCode::kUsage, 0, "an option of unknown type");
}

Settings::Settings() {
  for (std::size_t index = 0; index < kOptions.size(); ++index)
    values_[index].text = kOptions[index].fallback;
}

Status Settings::set(OptionId option, std::string_view text, std::string_view place) {
  if (const FormerValue* former = find_former(option.spec().key, text); former != nullptr) {
    notes_.push_back(with_key(place, former->key) + ": \"" + std::string(text) +
                     "\" is taken as \"" + std::string(former->now) +
                     "\"; write that (docs/options.md)");
    text = former->now;
  }
  const Status checked = check_value(option.spec(), text);
  if (!checked.ok()) {
    const std::string where = with_key(place, option.spec().key);
    return make_error(ErrorCode::kUsage, 0, "%s: %s", where.c_str(), checked.error().message);
  }
  values_[option.index()] = {std::string(text), std::string(place)};
  return ok_status();
}

bool Settings::flag(OptionId option) const {
  return text(option) == "true";
}

Bytes Settings::size(OptionId option) const {
  const Result<Bytes> parsed = parse_size(text(option));
  return parsed.ok() ? *parsed : Bytes();
}

Nanoseconds Settings::duration(OptionId option) const {
  const Result<Nanoseconds> parsed = parse_duration(text(option));
  return parsed.ok() ? *parsed : Nanoseconds();
}

double Settings::fraction(OptionId option) const {
  const Result<double> parsed = parse_percent(text(option));
  return parsed.ok() ? *parsed : 0;
}

std::uint32_t Settings::integer(OptionId option) const {
  const Result<std::uint32_t> parsed = parse_integer(text(option));
  return parsed.ok() ? *parsed : 0;
}

std::string Settings::place(OptionId option) const {
  return given(option) ? values_[option.index()].place : "built-in";
}

}  // namespace terrace::cli
