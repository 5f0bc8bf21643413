// SPDX-License-Identifier: Apache-2.0
// Code inside other people's malloc and free leaves their errno as it was. Thread-safe, never
// allocates.
#pragma once

#include <cerrno>

namespace terrace::os {

/// errno at its end is what it was at its beginning.
class KeepErrno {
 public:
  KeepErrno() : saved_(errno) {}
  ~KeepErrno() { errno = saved_; }
  KeepErrno(const KeepErrno&) = delete;
  KeepErrno& operator=(const KeepErrno&) = delete;

 private:
  int saved_;
};

}  // namespace terrace::os
