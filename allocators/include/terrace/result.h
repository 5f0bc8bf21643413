// SPDX-License-Identifier: Apache-2.0
// Result<T>: a value, or an Error that says what was wrong, where, and what to do about it.
// Used off the malloc path by every layer. Errors hold their text in place: nothing allocates,
// so the code that runs inside other people's processes may use it too. No shared state.
#pragma once

#include <cstdarg>
#include <cstdio>
#include <utility>
#include <variant>

namespace terrace {

/// Why an operation failed. The value is also the exit code of the command line.
enum class ErrorCode : int {
  kCheckFailed = 1,        ///< what was asked ran, and its check did not hold
  kUsage = 2,              ///< bad input: option, file, size, unknown name
  kCapabilityMissing = 3,  ///< the machine or the user's rights lack something
  kInfeasible = 4,         ///< no placement satisfies the constraints
  kIo = 5,                 ///< a system call or a file failed
};

/// What went wrong, in full: a copy needs no allocation and refers to nothing.
struct Error {
  ErrorCode code = ErrorCode::kIo;
  int saved_errno = 0;
  char message[320] = {};  ///< what, where, remedy; one line, no final newline
};

/// Makes an Error by printf's rules; the text is cut at the field's length.
[[nodiscard]] inline Error __attribute__((format(printf, 3, 4)))
make_error(ErrorCode code, int saved_errno, const char* format, ...) {
  Error error;
  error.code = code;
  error.saved_errno = saved_errno;
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(error.message, sizeof error.message, format, arguments);
  va_end(arguments);
  return error;
}

/// A T, or why there is none. Who asks for the one that it does not hold has made a mistake: the
/// behaviour is undefined, so ask ok() first. As thread-safe as a T.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, error) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& value() { return *std::get_if<0>(&state_); }
  const T& value() const { return *std::get_if<0>(&state_); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  T& operator*() { return value(); }
  const T& operator*() const { return value(); }
  const Error& error() const { return *std::get_if<1>(&state_); }

 private:
  std::variant<T, Error> state_;
};

/// Success carries nothing.
struct Unit {};
using Status = Result<Unit>;
inline Status ok_status() {
  return Unit{};
}

}  // namespace terrace
