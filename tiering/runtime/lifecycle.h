// SPDX-License-Identifier: Apache-2.0
// Start, stop and fork of the runtime inside a process: the only place that wires tiers, plan,
// emulated links and the recorder together. Called by the preload shim's constructor, destructor
// and atfork handlers; each is called from one thread. Nothing is allocated from the heap.
#pragma once

namespace terrace::runtime {

/// Reads TERRACE_PLAN_FILE (the flat file) or the small built-in discovery when TERRACE_CONF asks
/// for it, checks it, starts links and recorder. A problem is one line on stderr and pass-through;
/// with `strict` the process ends with 125. Ignored in set-uid programs.
void start();

/// In place of start() when the tool of that name (a sanitizer, valgrind) keeps the heap to itself:
/// where something was to be placed, one line on stderr, or with `strict` the end with 125.
void decline(const char* tool);

/// Ends the session and writes the summary; memory stays served.
void stop();

/// fork() brackets: objects on shared backings become private on both sides before the fork, so
/// that neither side sees the other's writes; the child runs on without links and recorder.
void before_fork();
void after_fork_in_parent();
void after_fork_in_child();

}  // namespace terrace::runtime
