// SPDX-License-Identifier: Apache-2.0
// Looks at a file before libpmemobj opens it as a pool. libpmemobj 1.12 trusts some of what it
// finds: a file shorter than its headers ends the process by SIGBUS, and a log whose link leads
// nowhere by SIGSEGV or in a loop. What a bad file would do is an error here instead. Used by
// store_pool.cc alone. Thread-safe; allocates while it reads.
#pragma once

#include <string>

#include <terrace/result.h>
#include <terrace/units.h>

namespace terrace::kv {

/// The file's size. Errors: kCheckFailed: no pool of libpmemobj, or one whose logs were not left
/// as they are between two operations; kIo with errno.
Result<Bytes> examine_pool(const std::string& path);

}  // namespace terrace::kv
