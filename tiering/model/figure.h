// SPDX-License-Identifier: Apache-2.0
// A figure of the catalogue: a number that says how it came to be and who published it. The tiers
// of this machine use terrace::Figure (terrace/tier.h), whose provenance is discovery's; these
// figures are about machines that may not be here. Plain values: thread-safe when not written;
// allocates.
#pragma once

#include <cstdint>
#include <string>

namespace terrace::model {

enum class FigureKind : std::uint8_t {
  kMeasured = 0,  ///< somebody ran it and published the result
  kNominal = 1,   ///< what a vendor or a standard says
  kDerived = 2,   ///< computed from other figures; the source says how
};

struct Figure {
  double value = 0;  ///< in the unit that the field's name says
  FigureKind kind = FigureKind::kNominal;
  std::string source;  ///< never empty in a loaded catalogue
};

constexpr const char* name_of(FigureKind kind) {
  switch (kind) {
    case FigureKind::kMeasured:
      return "measured";
    case FigureKind::kNominal:
      return "nominal";
    case FigureKind::kDerived:
      return "derived";
  }
  return "unknown";
}

}  // namespace terrace::model
