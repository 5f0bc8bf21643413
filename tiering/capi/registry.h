// SPDX-License-Identifier: Apache-2.0
// The process's contexts by number. Each entry point enters the context of its handle here and
// leaves it when it returns; a context that is closed goes when the last call has left it.
// Thread-safe; entering and leaving are one atomic operation each, on memory that few other threads
// write to, and neither block nor allocate.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "tiering/capi/handles.h"

namespace terrace::capi {

class Context;

/// A context that stays there while this lives; null when the handle was none.
class Entered {
 public:
  /// By a handle of this kind.
  Entered(std::uint64_t handle, HandleKind kind);
  ~Entered();
  Entered(const Entered&) = delete;
  Entered& operator=(const Entered&) = delete;

  explicit operator bool() const { return context_ != nullptr; }
  Context& operator*() const { return *context_; }
  Context* operator->() const { return context_; }

 private:
  std::uint32_t number_ = 0;
  std::uint32_t stripe_ = 0;
  Context* context_ = nullptr;
};

/// Numbers a new context, which `make` makes of the number; 0: 64 are open, or `make` gave none.
class Registry {
 public:
  static std::uint32_t add(std::unique_ptr<Context> (*make)(std::uint32_t number, void* argument),
                           void* argument);
  /// Nobody enters it any more. False: somebody else closed it.
  static bool close(std::uint32_t number);
};

}  // namespace terrace::capi
