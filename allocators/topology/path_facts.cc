// SPDX-License-Identifier: Apache-2.0
#include "allocators/topology/path_facts.h"

#include <charconv>
#include <filesystem>
#include <optional>
#include <system_error>

#include "allocators/topology/text_file.h"

namespace terrace {
namespace {

namespace fs = std::filesystem;

Error usage(const char* text) {
  return make_error(ErrorCode::kUsage, 0, "%s", text);
}

std::optional<Bytes> read_bytes(const fs::path& file) {
  const auto text = read_small_file(file.string());
  if (!text) return std::nullopt;
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text->data(), text->data() + text->size(), value);
  if (parsed.ec != std::errc() || value == 0) return std::nullopt;
  return Bytes(value);
}

/// The device's own name tells its place in sysfs, however the path came to it.
Result<PathFacts> examine_device(const fs::path& path, const std::string& sysfs_root) {
  std::error_code code;
  const fs::path device = fs::canonical(path, code);
  const fs::path folder = fs::path(sysfs_root) / "bus/dax/devices" / device.filename();
  const auto size = read_bytes(folder / "size");
  if (!size) return usage("is a device, but none on the dax bus; 'daxctl list' shows those");
  // Linux before 5.10 does not tell and uses 2 MiB.
  return PathFacts{PathKind::kDevice, *size, read_bytes(folder / "align").value_or(kBlockBytes)};
}

}  // namespace

Result<PathFacts> examine_path(const std::string& path, const std::string& sysfs_root) {
  std::error_code code;
  const fs::file_status status = fs::status(path, code);
  if (status.type() == fs::file_type::not_found) {
    return usage(
        "does not exist; name a dax device or a folder, or make a file of the size that "
        "is wanted with 'truncate -s SIZE'");
  }
  PathFacts facts;
  switch (status.type()) {
    case fs::file_type::character:
      return examine_device(path, sysfs_root);
    case fs::file_type::regular:
      facts.room = Bytes(fs::file_size(path, code));
      break;
    case fs::file_type::directory:
      facts.kind = PathKind::kFolder;
      facts.room = Bytes(fs::space(path, code).available);
      break;
    default:
      return usage(
          "is no dax device, file or folder that can be looked at; check it and the "
          "rights of its folders");
  }
  if (code) return make_error(ErrorCode::kUsage, code.value(), "%s", code.message().c_str());
  return facts;
}

}  // namespace terrace
