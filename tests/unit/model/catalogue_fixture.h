// SPDX-License-Identifier: Apache-2.0
// The catalogue that comes with Terrace. For tests. Allocates.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "tiering/model/catalogue.h"

namespace terrace::fixture {

inline const model::Catalogue& shipped_catalogue() {
  static const Result<model::Catalogue> loaded =
      model::load_catalogue(std::string(TERRACE_CATALOGUE_FOLDER));
  if (!loaded) ADD_FAILURE() << loaded.error().message;
  static const model::Catalogue none;
  return loaded ? loaded.value() : none;
}

inline const model::LanguageModel& shipped_model(std::string_view name) {
  const auto found = shipped_catalogue().find_model(name);
  if (!found) ADD_FAILURE() << found.error().message;
  static const model::LanguageModel none;
  return found ? **found : none;
}

}  // namespace terrace::fixture
