// SPDX-License-Identifier: Apache-2.0
#include "allocators/topology/cdat.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>

#include "allocators/base/text.h"
#include "allocators/topology/text_file.h"

namespace terrace {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kHeaderSize = 16;
constexpr std::size_t kEntrySize = 24;  ///< of DSMAS and DSLBIS both
constexpr std::uint8_t kDsmas = 0;
constexpr std::uint8_t kDslbis = 1;
constexpr std::uint8_t kNonVolatile = 1 << 2;
/// Data types of a DSLBIS, as in the ACPI HMAT.
constexpr std::uint8_t kReadLatency = 1;
constexpr std::uint8_t kReadBandwidth = 4;

/// Little-endian, as all of the table is.
std::uint64_t number(std::string_view bytes, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = size; i-- > 0;)
    value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

class Table {
 public:
  explicit Table(std::string_view bytes) : bytes_(bytes) {}

  CdatFigures read() {
    each_entry([&](std::string_view entry) { note_range(entry); });
    each_entry([&](std::string_view entry) { note_figure(entry); });
    return figures_;
  }

 private:
  /// Entries follow each other, each with its own length.
  template <typename Visit>
  void each_entry(Visit visit) const {
    for (std::size_t at = kHeaderSize; at + 4 <= bytes_.size();) {
      const auto length = static_cast<std::size_t>(number(bytes_, at + 2, 2));
      if (length < 4 || length > bytes_.size() - at) return;
      if (length >= kEntrySize) visit(bytes_.substr(at, length));
      at += length;
    }
  }

  void note_range(std::string_view entry) {
    const auto handle = static_cast<std::uint8_t>(entry[4]);
    if (number(entry, 0, 1) == kDsmas)
      volatile_[handle] = (number(entry, 5, 1) & kNonVolatile) == 0;
  }

  /// The low four bits of the flags are zero for the memory itself, else they name a cache on its
  /// side. The first of three entries is the figure, in units of the base.
  void note_figure(std::string_view entry) {
    const bool memory = number(entry, 0, 1) == kDslbis && (number(entry, 5, 1) & 0xF) == 0;
    if (!memory || !volatile_[static_cast<std::uint8_t>(entry[4])]) return;
    const double value =
        static_cast<double>(number(entry, 8, 8)) * static_cast<double>(number(entry, 16, 2));
    if (number(entry, 6, 1) == kReadLatency) note_latency(value / 1000);
    if (number(entry, 6, 1) == kReadBandwidth) note_bandwidth(value / 1000);
  }

  /// The same bounds as for the kernel's own figures: 10 ms, 10 TB/s.
  void note_latency(double ns) {
    if (ns < 1 || ns > 1e7) return;
    const Nanoseconds told(static_cast<std::uint64_t>(ns));
    figures_.read_latency = std::max(figures_.read_latency.value_or(told), told);
  }

  void note_bandwidth(double gbps) {
    if (gbps <= 0 || gbps > 1e4) return;
    const double least = figures_.read_bandwidth ? figures_.read_bandwidth->value : gbps;
    figures_.read_bandwidth = GBps(std::min(least, gbps));
  }

  std::string_view bytes_;
  std::array<bool, 256> volatile_{};  ///< by handle
  CdatFigures figures_;
};

}  // namespace

CdatFigures parse_cdat(std::string_view table) {
  return Table(table).read();
}

CdatFigures read_region_cdat(const std::string& folder, const std::string& sysfs_root) {
  CdatFigures sum;
  for (int target = 0;; ++target) {
    const auto decoder = read_small_file(folder + "/target" + std::to_string(target));
    if (!decoder) return sum;
    std::error_code failed;
    const fs::path place =
        fs::canonical(sysfs_root + "/bus/cxl/devices/" + std::string(trimmed(*decoder)), failed);
    const auto table = read_small_file((place.parent_path() / "CDAT").string());
    const CdatFigures device = table ? parse_cdat(*table) : CdatFigures{};
    if (failed || !device.read_bandwidth || !device.read_latency) return {};
    sum.read_bandwidth =
        GBps(device.read_bandwidth->value + (sum.read_bandwidth ? sum.read_bandwidth->value : 0));
    sum.read_latency =
        std::max(sum.read_latency.value_or(*device.read_latency), *device.read_latency);
  }
}

}  // namespace terrace
