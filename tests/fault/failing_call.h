// SPDX-License-Identifier: Apache-2.0
// A system call that fails, as the parameter of a test. Plain values.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "allocators/os/fault_point.h"

namespace terrace::testing_support {

struct FailingCall {
  os::SystemCall call;
  int error;
  const char* name;  ///< letters, digits and underscores: it becomes part of the test's name
};

inline std::string name_of(const testing::TestParamInfo<FailingCall>& info) {
  return info.param.name;
}

}  // namespace terrace::testing_support
