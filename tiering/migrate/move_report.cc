// SPDX-License-Identifier: Apache-2.0
#include "tiering/migrate/mover.h"

namespace terrace::migrate {

const char* name_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::kMoved:
      return "moved";
    case Outcome::kAlreadyThere:
      return "already there";
    case Outcome::kNotPresent:
      return "not present";
    case Outcome::kBusy:
      return "busy";
    case Outcome::kNoMemory:
      return "no memory";
    case Outcome::kNotAllowed:
      return "not allowed";
    case Outcome::kNotMapped:
      return "not mapped";
    case Outcome::kShared:
      return "shared";
    case Outcome::kPoisoned:
      return "poisoned";
    case Outcome::kOther:
      return "other";
    case Outcome::kCancelled:
      return "cancelled";
    case Outcome::kCount:
      break;
  }
  return "unknown";
}

bool MoveReport::complete() const {
  if (!refused.empty()) return false;
  std::uint64_t all = 0;
  for (const std::uint64_t number : pages) all += number;
  return all ==
         count(Outcome::kMoved) + count(Outcome::kAlreadyThere) + count(Outcome::kNotPresent);
}

}  // namespace terrace::migrate
