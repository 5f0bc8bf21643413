// SPDX-License-Identifier: Apache-2.0
#include <terrace/tier.h>

namespace terrace {

const char* name_of(TierKind kind) {
  switch (kind) {
    case TierKind::kUnknown:
      return "unknown";
    case TierKind::kHbm:
      return "hbm";
    case TierKind::kDram:
      return "dram";
    case TierKind::kCxl:
      return "cxl";
    case TierKind::kPmem:
      return "pmem";
    case TierKind::kFile:
      return "file";
  }
  return "unknown";
}

const char* name_of(BackingKind backing) {
  switch (backing) {
    case BackingKind::kNuma:
      return "numa";
    case BackingKind::kEmulatedLink:
      return "emulated";
    case BackingKind::kDax:
      return "dax";
  }
  return "unknown";
}

const char* name_of(Use use) {
  switch (use) {
    case Use::kPlaced:
      return "placed";
    case Use::kOnRequest:
      return "on-request";
  }
  return "unknown";
}

const char* name_of(Provenance provenance) {
  switch (provenance) {
    case Provenance::kUnknown:
      return "unknown";
    case Provenance::kGuess:
      return "guess";
    case Provenance::kSysfs:
      return "sysfs";
    case Provenance::kHmat:
      return "hmat";
    case Provenance::kCdat:
      return "cdat";
    case Provenance::kCalibrated:
      return "calibrated";
    case Provenance::kUserFile:
      return "user-file";
  }
  return "unknown";
}

}  // namespace terrace
