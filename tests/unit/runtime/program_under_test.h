// SPDX-License-Identifier: Apache-2.0
// Where a test of a program under a shim has both. Constants only; program_under_test.cc is
// compiled for each test.
#pragma once

namespace terrace::e2e {

extern const char* const kLibraryUnderTest;
extern const char* const kProgramUnderTest;

}  // namespace terrace::e2e
