// SPDX-License-Identifier: Apache-2.0
// terrace options: the tables as documentation. Hidden; the build and a test call it.
#include <cstdio>

#include "tiering/cli/messages.h"
#include "tiering/cli/option_docs.h"
#include "tiering/cli/verbs/verbs.h"

namespace terrace::cli {

int options_verb(const Call& call) {
  if (call.settings.flag("markdown")) {
    std::fputs(options_as_markdown().c_str(), stdout);
    return 0;
  }
  if (call.settings.flag("man")) {
    std::fputs(options_as_man_page().c_str(), stdout);
    return 0;
  }
  say_error("no form given; write terrace options --markdown, or --man");
  return 2;
}

}  // namespace terrace::cli
