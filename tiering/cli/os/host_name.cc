// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/os/host_name.h"

#include <unistd.h>

#include <algorithm>

namespace terrace::os {

std::string host_name() {
  char name[256] = {};
  if (gethostname(name, sizeof name - 1) != 0) return "localhost";
  std::string host(name);
  host.resize(std::min(host.find('.'), host.size()));
  std::replace(host.begin(), host.end(), '/', '-');
  return host.empty() ? "localhost" : host;
}

}  // namespace terrace::os
