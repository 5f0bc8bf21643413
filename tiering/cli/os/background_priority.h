// SPDX-License-Identifier: Apache-2.0
// For work beside a program that is being measured. Thread-safe.
#pragma once

namespace terrace::cli::os {

/// The calling thread runs when nobody else wants the processor. A refusal changes nothing.
void run_in_background();

}  // namespace terrace::cli::os
