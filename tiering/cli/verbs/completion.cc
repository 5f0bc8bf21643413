// SPDX-License-Identifier: Apache-2.0
// terrace completion: what a shell needs to complete the command line.
#include <cstdio>

#include <fmt/format.h>

#include "tiering/cli/completion.h"
#include "tiering/cli/messages.h"
#include "tiering/cli/verbs/verbs.h"

namespace terrace::cli {

int completion_verb(const Call& call) {
  if (call.line.argument.empty()) {
    say_error("no shell given; write terrace completion bash");
    return 2;
  }
  if (call.line.argument != "bash") {
    say_error(fmt::format("\"{:.40}\" is no shell that completion is written for; give bash",
                          call.line.argument));
    return 2;
  }
  std::fputs(bash_completion().c_str(), stdout);
  return 0;
}

}  // namespace terrace::cli
