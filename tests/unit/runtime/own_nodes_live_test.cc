// SPDX-License-Identifier: Apache-2.0
// The preload library's own view of the nodes against discovery's, on the machine that runs this:
// the host, and each machine of the lab.
#include <gtest/gtest.h>

#include "tests/unit/runtime/same_nodes.h"

namespace terrace::runtime {
namespace {

TEST(OwnNodesLive, AreOfTheKindsThatDiscoveryFinds) {
  expect_same_nodes("/sys");
}

}  // namespace
}  // namespace terrace::runtime
