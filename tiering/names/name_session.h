// SPDX-License-Identifier: Apache-2.0
// Names for the objects of a session: from the model files that the program used and from site
// rules. Last step of naming; its result goes into the session (profiler/session/names_chunk.h) or
// straight into the heat map. Thread-safe; allocates; reads the files' headers and the modules'
// symbols.
#pragma once

#include <string>
#include <vector>

#include <terrace/result.h>

#include "profiler/session/session_reader.h"
#include "tiering/names/model_tensors.h"
#include "tiering/names/site_rules.h"

namespace terrace::names {

/// A file that the program had open, as it was when that was seen.
struct SeenModel {
  session::NamesFile file;
};

struct NamingInput {
  std::vector<SeenModel> seen;    ///< beside the paths of the session's own objects
  std::vector<std::string> told;  ///< by the user; their errors are not passed over
  std::vector<SiteRule> rules;    ///< the first that fits decides
};

struct Naming {
  std::vector<session::ObjectNames> objects;  ///< of those that got a name
  std::vector<std::string> notes;             ///< what could not be named, a sentence each
};

/// Objects that the engine itself named keep their names. Errors: those of read_model_tensors for
/// what the user told.
Result<Naming> name_session(const session::Session& session, const NamingInput& input);

/// Puts the names into the session in place of what it held.
void apply_names(session::Session& session, const Naming& naming);

}  // namespace terrace::names
