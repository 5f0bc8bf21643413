// SPDX-License-Identifier: Apache-2.0
#include "allocators/topology/dax_reader.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "allocators/base/text.h"
#include "allocators/topology/cdat.h"
#include "allocators/topology/sysfs_text.h"
#include "allocators/topology/text_file.h"

namespace terrace {
namespace {

namespace fs = std::filesystem;

/// "dax0.12" -> {0, 12}; nothing for names that are no device.
std::optional<std::pair<std::uint64_t, std::uint64_t>> numbers_of(std::string_view name) {
  if (!name.starts_with("dax")) return std::nullopt;
  const std::size_t dot = name.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto number = [](std::string_view digits) -> std::optional<std::uint64_t> {
    if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos)
      return std::nullopt;
    return number_at(digits);
  };
  const auto region = number(name.substr(3, dot - 3));
  const auto device = number(name.substr(dot + 1));
  if (!region || !device) return std::nullopt;
  return std::pair{*region, *device};
}

class DeviceReader {
 public:
  DeviceReader(const std::string& root, const std::string& name)
      : root_(root), dir_(root + "/bus/dax/devices/" + name) {
    device_.name = name;
  }

  void read(DaxFindings& found) {
    const auto size = read_number(dir_ + "/size");
    if (!size) {
      found.notes.push_back(device_.name + ": " + dir_ +
                            "/size holds no number, so the device is left out; see `daxctl list`");
      return;
    }
    if (*size == 0) return;  // a seed, which waits to be given memory
    device_.size = Bytes(*size);
    read_align();
    read_target_node();
    read_driver();
    read_origin();
    for (std::string& note : notes_) found.notes.push_back(std::move(note));
    found.devices.push_back(std::move(device_));
  }

 private:
  /// A power of two from 4 KiB to 1 GiB: the page sizes that device_dax can map.
  void read_align() {
    const auto align = read_number(dir_ + "/align");
    const bool sound =
        align && *align >= KiB(4).value && *align <= GiB(1).value && (*align & (*align - 1)) == 0;
    if (sound) {
      device_.align = Bytes(*align);
    } else {
      notes_.push_back(device_.name + ": " + dir_ +
                       "/align holds no page size; 2 MiB is assumed, which state otherwise in the "
                       "tier file");
    }
  }

  /// -1 when the firmware does not tell.
  void read_target_node() {
    const auto node = read_number(dir_ + "/target_node");
    if (node && *node < 1024) device_.target_node = NodeId(static_cast<std::int32_t>(*node));
  }

  void read_driver() {
    std::error_code failed;
    const fs::path driver = fs::read_symlink(dir_ + "/driver", failed).filename();
    if (driver == "kmem") device_.driver = DaxDriver::kKmem;
    if (driver == "device_dax") device_.driver = DaxDriver::kDeviceDax;
  }

  /// The bus lists links to where the devices hang, such as
  /// devices/platform/ACPI0017:00/root0/decoder0.0/region0/dax_region0/dax0.0 (CXL) and
  /// devices/LNXSYSTM:00/.../ACPI0012:00/ndbus0/region0/dax0.1/dax0.0 (nvdimm).
  void read_origin() {
    std::error_code failed;
    const fs::path place = fs::canonical(dir_, failed);
    fs::path above;
    for (const fs::path& part : place) {
      if (numbered_name(part.string(), "ndbus")) {
        device_.kind = TierKind::kPmem;
        device_.use = Use::kOnRequest;
        return;
      }
      if (numbered_name(part.string(), "dax_region")) return read_cxl_region(above.string());
      above /= part;
    }
  }

  void read_cxl_region(const std::string& region) {
    const auto mode = read_small_file(region + "/mode");
    const bool persistent = mode && trimmed(*mode) == "pmem";
    device_.kind = persistent ? TierKind::kPmem : TierKind::kCxl;
    device_.use = persistent ? Use::kOnRequest : Use::kPlaced;
    take(read_access(region, "", Provenance::kCdat));
    if (!device_.read_bandwidth.known() && !device_.read_latency.known()) guess(region);
  }

  /// Linux (6.12, 6.18) gives a region figures only once its memory is a node. Until then the
  /// devices' own are a bound: the link and the way from the CPUs can only add latency and take
  /// bandwidth.
  void guess(const std::string& region) {
    const CdatFigures own = read_region_cdat(region, root_);
    if (own.read_bandwidth) device_.read_bandwidth = {*own.read_bandwidth, Provenance::kGuess};
    if (own.read_latency) device_.read_latency = {*own.read_latency, Provenance::kGuess};
  }

  void take(AccessFigures figures) {
    device_.read_bandwidth = figures.read_bandwidth;
    device_.read_latency = figures.read_latency;
    for (std::string& note : figures.notes) notes_.push_back(std::move(note));
  }

  std::string root_;
  std::string dir_;
  DaxDevice device_;
  std::vector<std::string> notes_;
};

}  // namespace

DaxFindings read_dax_devices(const std::string& sysfs_root) {
  DaxFindings found;
  std::vector<std::string> names;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(sysfs_root + "/bus/dax/devices", failed))
    if (const std::string name = entry.path().filename(); numbers_of(name)) names.push_back(name);
  std::sort(names.begin(), names.end(), [](const std::string& a, const std::string& b) {
    return numbers_of(a) < numbers_of(b);
  });
  for (const std::string& name : names) DeviceReader(sysfs_root, name).read(found);
  return found;
}

}  // namespace terrace
