// SPDX-License-Identifier: Apache-2.0
// Lets tests have huge pages while they run. Others on the machine change the same number at the
// same time, so it is added to and given back, not set.
#pragma once

#include <fstream>

namespace terrace::testing_support {

class HugePages {
 public:
  explicit HugePages(long wanted) {
    long before = 0;
    if (!read(before) || !write(before + wanted)) return;
    long after = 0;
    // Without the rights, or with the whole machine's limit reached, the tests use 4 KiB pages.
    if (read(after) && after >= before + wanted) added_ = wanted;
  }
  ~HugePages() {
    long now = 0;
    if (added_ != 0 && read(now)) write(now > added_ ? now - added_ : 0);
  }
  HugePages(const HugePages&) = delete;
  HugePages& operator=(const HugePages&) = delete;
  bool granted() const { return added_ != 0; }

 private:
  static constexpr const char* kFile = "/proc/sys/vm/nr_overcommit_hugepages";
  static bool read(long& value) { return static_cast<bool>(std::ifstream(kFile) >> value); }
  static bool write(long value) {
    std::ofstream out(kFile);
    out << value << std::flush;
    return out.good();
  }

  long added_ = 0;
};

}  // namespace terrace::testing_support
