// SPDX-License-Identifier: Apache-2.0
// A figure of the machine in documents: its value, null where it is not known, and its provenance.
// Used by reports, exports and the command line. Thread-safe; allocates.
#pragma once

#include <terrace/tier.h>

namespace terrace::report {

/// `Json` is nlohmann's, ordered or not.
template <typename Json, typename Value>
Json figure_json(const Figure<Value>& figure) {
  return {{"value", figure.known() ? Json(figure.value.value) : Json(nullptr)},
          {"provenance", name_of(figure.from)}};
}

}  // namespace terrace::report
