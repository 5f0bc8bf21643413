// SPDX-License-Identifier: Apache-2.0
#include "allocators/topology/dax_mounts.h"

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "allocators/topology/sysfs_text.h"
#include "allocators/topology/text_file.h"

namespace terrace {
namespace {

namespace fs = std::filesystem;

/// What proc(5) says of a line of mountinfo, as far as it matters here.
struct MountLine {
  std::string device_number;  ///< "259:0"
  std::string folder;
  std::string options;        ///< of this mount
  std::string super_options;  ///< of the filesystem
};

/// Blanks, tabs, newlines and backslashes are written as three octal digits.
std::string unescaped(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto octal = [&](std::size_t at) {
      return at < text.size() && text[at] >= '0' && text[at] <= '7';
    };
    if (text[i] != '\\' || !octal(i + 1) || !octal(i + 2) || !octal(i + 3)) {
      plain += text[i];
      continue;
    }
    plain +=
        static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
    i += 3;
  }
  return plain;
}

/// "36 35 98:0 /root /mnt rw,noatime shared:1 - ext4 /dev/pmem0 rw,dax=always"
std::optional<MountLine> parse_line(const std::string& line) {
  const std::size_t dash = line.find(" - ");
  if (dash == std::string::npos) return std::nullopt;
  MountLine mount;
  std::string skipped;
  std::istringstream before(line.substr(0, dash));
  before >> skipped >> skipped >> mount.device_number >> skipped >> mount.folder >> mount.options;
  std::istringstream after(line.substr(dash + 3));
  after >> skipped >> skipped >> mount.super_options;
  if (!before || !after) return std::nullopt;
  mount.folder = unescaped(mount.folder);
  return mount;
}

bool has_option(std::string_view options, std::string_view wanted) {
  while (!options.empty()) {
    const std::string_view option = options.substr(0, options.find(','));
    if (option == wanted) return true;
    options.remove_prefix(std::min(options.size(), option.size() + 1));
  }
  return false;
}

/// A mere "dax" is what ext4 and xfs called dax=always before Linux 5.8.
bool wants_dax(const MountLine& mount) {
  for (const char* option : {"dax", "dax=always", "dax=inode"})
    if (has_option(mount.super_options, option)) return true;
  return false;
}

/// Name of the block device when its pages can be mapped straight, as pmem's can. A partition has
/// its disk's queue.
std::optional<std::string> dax_device(const std::string& sysfs_root, const std::string& number) {
  const bool plain = number.find_first_not_of("0123456789:") == std::string::npos;
  std::error_code failed;
  const fs::path device = fs::canonical(sysfs_root + "/dev/block/" + number, failed);
  if (failed || !plain) return std::nullopt;
  for (const fs::path& disk : {device, device.parent_path()})
    if (read_number((disk / "queue/dax").string()) == 1) return device.filename().string();
  return std::nullopt;
}

}  // namespace

std::vector<DaxMount> read_dax_mounts(const std::string& sysfs_root, const std::string& proc_root) {
  auto table = read_small_file(proc_root + "/self/mountinfo");
  if (!table) table = read_small_file(proc_root + "/mountinfo");
  std::vector<DaxMount> mounts;
  std::istringstream lines(table.value_or(std::string()));
  for (std::string line; std::getline(lines, line);) {
    const auto mount = parse_line(line);
    if (!mount || !wants_dax(*mount)) continue;
    if (!has_option(mount->options, "rw") || !has_option(mount->super_options, "rw")) continue;
    const auto device = dax_device(sysfs_root, mount->device_number);
    const bool repeated = std::any_of(mounts.begin(), mounts.end(), [&](const DaxMount& known) {
      return known.device == device;
    });
    if (device && !repeated) mounts.push_back({mount->folder, *device, {}});
  }
  std::sort(mounts.begin(), mounts.end(),
            [](const DaxMount& a, const DaxMount& b) { return a.folder < b.folder; });
  return mounts;
}

}  // namespace terrace
