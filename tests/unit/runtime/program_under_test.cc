// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/runtime/program_under_test.h"

namespace terrace::e2e {

const char* const kLibraryUnderTest = TERRACE_PRELOAD_LIBRARY;
const char* const kProgramUnderTest = TERRACE_RUNTIME_PROGRAM;

}  // namespace terrace::e2e
