// SPDX-License-Identifier: Apache-2.0
// For work beside a program that is being measured. Thread-safe, never allocates.
#pragma once

namespace terrace::cli::os {

/// Gives the calling thread, and no other, the least weight among those who want the processor
/// (SCHED_BATCH, nice 19). A refusal changes nothing.
void run_in_background();

}  // namespace terrace::cli::os
