// SPDX-License-Identifier: Apache-2.0
// A place where tests make a system call fail. Each wrapper in os/ asks before it calls the kernel;
// the shipped build answers 0 (fault_none.cc), the tests link fault_inject.cc.
// Thread-safe, never allocates.
#pragma once

#include <atomic>

namespace terrace::os {

enum class SystemCall : int {
  kMmap,
  kMunmap,
  kMremap,
  kMadvise,
  kMbind,
  kGetMempolicy,
  kMovePages,
  kMemfdCreate,
  kFtruncate,
  kFallocate,
  kUserfaultfd,
  kUserfaultIoctl,
  kPagemap,
  kThreadCreate,
  kOpen,
  kRead,
  kStat,
  kReadlink,
  kFileLock,
  kFlock,
  kUnlink,
  kWrite,
  kMprotect,
  kFcntl,
  kSigaction,
  kSocket,
  kSocketOption,
  kBind,
  kReceive,
  kSend,
  kCachestat,
  kMincore,
  kFadvise,
  kSetAffinity,
  kCount
};

/// 0: go on; else the errno that this call shall fail with.
int injected_error(SystemCall call);

/// Which calls fail.
enum class Fails : unsigned char {
  kOnce,        ///< the one that is named
  kFromThenOn,  ///< every one after it too
};

/// Tests only (fault_inject.cc): the `nth` call from now (1 is the next) of this kind fails with
/// `error`. 0 disarms.
void inject_fault(SystemCall call, int nth, int error, Fails fails = Fails::kOnce);

/// Tests only: from now on calls that fail by injection are counted there.
void count_injected_faults_in(std::atomic<int>& counter);

}  // namespace terrace::os
