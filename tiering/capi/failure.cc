// SPDX-License-Identifier: Apache-2.0
#include "tiering/capi/failure.h"

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "tiering/capi/handles.h"

namespace terrace::capi {
namespace {

thread_local char text[512] = "no call of this thread has failed";

terrace_status status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUsage:
      return TERRACE_BAD_ARGUMENT;
    case ErrorCode::kCapabilityMissing:
      return TERRACE_UNSUPPORTED;
    case ErrorCode::kInfeasible:
      return TERRACE_NO_ROOM;
    case ErrorCode::kCheckFailed:
      return TERRACE_CORRUPT;
    case ErrorCode::kIo:
      break;
  }
  return TERRACE_IO;
}

struct KindText {
  const char* name;
  const char* end;  ///< how one of them comes to an end
};

KindText text_of(HandleKind kind) {
  switch (kind) {
    case HandleKind::kContext:
      return {"open context", "closed"};
    case HandleKind::kTensor:
      return {"tensor", "freed"};
    case HandleKind::kJob:
      return {"job", "ended"};
    case HandleKind::kPool:
      return {"pool", "closed"};
    case HandleKind::kKv:
      return {"KV-cache", "closed"};
    case HandleKind::kSequence:
      break;
  }
  return {"sequence", "ended, with its cache perhaps"};
}

}  // namespace

terrace_status fail(terrace_status status, const char* format, ...) {
  // Arguments may be the last text itself.
  char fresh[sizeof text];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(fresh, sizeof fresh, format, arguments);
  va_end(arguments);
  std::memcpy(text, fresh, sizeof text);
  return status;
}

terrace_status fail(const Error& error) {
  return fail(status_of(error.code), "%s", error.message);
}

terrace_status fail_by_errno(int error, const char* what) {
  char reason[128];
  const char* const words = strerror_r(error, reason, sizeof reason);
  if (error == ENOMEM) {
    return fail(TERRACE_NO_MEMORY,
                "%s: %s; the system has no memory or the process no mappings left "
                "(vm.max_map_count)",
                what, words);
  }
  const bool refused = error == EPERM || error == ENOSYS || error == EOPNOTSUPP || error == EACCES;
  return fail(refused ? TERRACE_UNSUPPORTED : TERRACE_IO, "%s: %s", what, words);
}

terrace_status fail_handle(std::uint64_t handle, HandleKind kind) {
  return fail(TERRACE_BAD_HANDLE,
              "%#llx is no %s: never made, ended with its context, or another thing's handle",
              static_cast<unsigned long long>(handle), text_of(kind).name);
}

terrace_status fail_ended(std::uint64_t handle, HandleKind kind) {
  return fail(TERRACE_BAD_HANDLE, "%#llx is no %s: it was %s, or is another thing's handle",
              static_cast<unsigned long long>(handle), text_of(kind).name, text_of(kind).end);
}

terrace_status fail_freed() {
  return fail(TERRACE_BAD_HANDLE, "the tensor is being freed by another thread");
}

terrace_status fail_null(const char* what) {
  return fail(TERRACE_BAD_ARGUMENT, "%s: a null pointer", what);
}

const char* last_failure() {
  return text;
}

}  // namespace terrace::capi

using terrace::capi::last_failure;

const char* terrace_last_error() {
  return last_failure();
}

const char* terrace_status_text(terrace_status status) {
  static constexpr const char* kTexts[] = {"success",
                                           "bad argument",
                                           "bad handle",
                                           "unknown struct size",
                                           "no room on the tiers",
                                           "out of memory",
                                           "input or output failed",
                                           "not supported here",
                                           "busy",
                                           "cancelled",
                                           "timed out",
                                           "checksum differs",
                                           "internal fault",
                                           "limit reached"};
  constexpr auto kCount = static_cast<terrace_status>(sizeof kTexts / sizeof kTexts[0]);
  return status >= 0 && status < kCount ? kTexts[status] : "unknown status";
}
