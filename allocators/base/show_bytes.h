// SPDX-License-Identifier: Apache-2.0
// Sizes as people read them: "890.0 MiB". The one form of them in the CLI's output, reports and
// errors; what runs inside malloc writes whole MiB by itself. Thread-safe; allocates.
#pragma once

#include <cstdio>
#include <string>

#include <terrace/units.h>

namespace terrace {

/// Powers of 1024, three or four digits, at most nine characters: "12 B", "1.50 GiB", "15.0 GiB",
/// "503.7 GiB", "1023 MiB".
inline std::string show_bytes(Bytes bytes) {
  if (bytes.value < 1024) return std::to_string(bytes.value) + " B";
  constexpr const char* kUnits[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes.value) / 1024;
  const char* const* unit = kUnits;
  // What rounds to 1024 of a unit is 1.00 of the next.
  for (; value >= 1023.5; value /= 1024) ++unit;
  const int decimals = value < 9.995 ? 2 : value < 999.95 ? 1 : 0;
  char text[16];
  std::snprintf(text, sizeof text, "%.*f %s", decimals, value, *unit);
  return text;
}

}  // namespace terrace
