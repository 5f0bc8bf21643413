// SPDX-License-Identifier: Apache-2.0
// The value of each option and where it came from. Filled from the weakest source to the
// strongest by load_settings.h, read by the verbs. Every value is checked when it is set, so that
// the message can name its place and the readers cannot fail.
// Thread-safe when not shared for writing; allocates.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <terrace/result.h>
#include <terrace/units.h>

#include "tiering/cli/option_table.h"

namespace terrace::cli {

class Settings {
 public:
  /// Every option at its built-in value.
  Settings();

  /// Takes `text` for the option. `place` ("file:line", "TERRACE_CONF", "--flag") goes before the
  /// message. Error kUsage: the text is no value of this option; the old value stays.
  Status set(OptionId option, std::string_view text, std::string_view place);

  /// What was understood though it is written as it was before an option changed, each with its
  /// place and how to write it now.
  const std::vector<std::string>& notes() const { return notes_; }

  bool flag(OptionId option) const;
  const std::string& text(OptionId option) const { return values_[option.index()].text; }
  Bytes size(OptionId option) const;
  Nanoseconds duration(OptionId option) const;
  double fraction(OptionId option) const;  ///< of a kPercent: 15% is 0.15
  std::uint32_t integer(OptionId option) const;

  /// True when any source but the table gave it.
  bool given(OptionId option) const { return !values_[option.index()].place.empty(); }
  /// Where the value came from; "built-in" for the table's.
  std::string place(OptionId option) const;

 private:
  struct Value {
    std::string text;
    std::string place;
  };
  std::array<Value, kOptions.size()> values_;
  std::vector<std::string> notes_;
};

/// Is `text` a value of this option? The error has no place in it.
Status check_value(const OptionSpec& spec, std::string_view text);

/// "15%" or "0.15" as 0.15. Error kUsage: not such a number, or outside 0 to 100%.
Result<double> parse_percent(std::string_view text);

}  // namespace terrace::cli
