// SPDX-License-Identifier: Apache-2.0
#include "profiler/calibrate/cache_size.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>

#include "allocators/base/text.h"
#include "allocators/topology/parse_units.h"
#include "allocators/topology/text_file.h"

namespace terrace::calibrate {
namespace {

namespace fs = std::filesystem;

bool is_numbered(const std::string& name, const std::string& prefix) {
  return name.size() > prefix.size() && name.starts_with(prefix) &&
         name.find_first_not_of("0123456789", prefix.size()) == std::string::npos;
}

std::string read_field(const fs::path& path) {
  return std::string(trimmed(read_small_file(path.string()).value_or("")));
}

/// Caches of the highest level met so far, by the CPUs that share each: sysfs shows a shared cache
/// once for every CPU.
struct LastLevel {
  std::string level;  ///< one digit
  std::map<std::string, Bytes> caches;

  void add(const fs::path& cache) {
    const auto size = parse_size(read_field(cache / "size"));  // "32768K"
    const std::string its_level = read_field(cache / "level");
    if (!size || its_level.size() != 1 || its_level < level) return;
    if (its_level > level) caches.clear();
    level = its_level;
    caches[read_field(cache / "shared_cpu_list")] = *size;
  }
};

}  // namespace

CacheSizes read_cache_sizes(const std::string& sysfs_root) {
  LastLevel last;
  std::error_code failed;
  for (const auto& cpu : fs::directory_iterator(sysfs_root + "/devices/system/cpu", failed)) {
    if (!is_numbered(cpu.path().filename(), "cpu")) continue;
    for (const auto& cache : fs::directory_iterator(cpu.path() / "cache", failed))
      if (is_numbered(cache.path().filename(), "index")) last.add(cache.path());
  }
  CacheSizes sizes;
  for (const auto& [cpus, size] : last.caches) {
    sizes.largest = std::max(sizes.largest, size);
    sizes.total += size;
  }
  if (sizes.total.value == 0) return {MiB(32), MiB(32)};
  return sizes;
}

}  // namespace terrace::calibrate
