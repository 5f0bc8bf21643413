// SPDX-License-Identifier: Apache-2.0
// What a call of the C API returns when it fails: a status, and a text for terrace_last_error().
// Below the entry points (entry_*.cc), which let no exception out. The text is the thread's own;
// never allocates.
#pragma once

#include <cstdint>
#include <exception>
#include <new>

#include <terrace/result.h>
#include <terrace/terrace.h>

namespace terrace::capi {

enum class HandleKind : std::uint8_t;  // handles.h

/// Keeps the text, by printf's rules, and returns `status`. What, where, remedy; one line.
[[nodiscard]] terrace_status __attribute__((format(printf, 2, 3)))
fail(terrace_status status, const char* format, ...);
/// The same for an error of the layers below.
[[nodiscard]] terrace_status fail(const Error& error);
/// For an errno value: TERRACE_NO_MEMORY, TERRACE_UNSUPPORTED or TERRACE_IO.
[[nodiscard]] terrace_status fail_by_errno(int error, const char* what);
/// TERRACE_BAD_HANDLE: no open context has a thing of this kind by this handle.
[[nodiscard]] terrace_status fail_handle(std::uint64_t handle, HandleKind kind);
/// The same: its context is open, and has it no more.
[[nodiscard]] terrace_status fail_ended(std::uint64_t handle, HandleKind kind);
/// A tensor that another thread is freeing.
[[nodiscard]] terrace_status fail_freed();
[[nodiscard]] terrace_status fail_null(const char* what);
/// This thread's last text.
const char* last_failure();

/// Runs an entry point's body: nothing is thrown across the C boundary.
template <typename Body>
terrace_status guarded(Body body) noexcept {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return fail(TERRACE_NO_MEMORY, "the process is out of memory for Terrace's own records");
  } catch (const std::exception& error) {
    return fail(TERRACE_INTERNAL, "a fault of the library: %s; please report it", error.what());
  } catch (...) {
    return fail(TERRACE_INTERNAL, "a fault of the library; please report it");
  }
}

}  // namespace terrace::capi
