// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/output_file.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>

#include "profiler/session/format.h"
#include "tiering/runtime/flat_plan.h"

namespace terrace::cli {
namespace {

namespace fs = std::filesystem;

bool looks_like(OutputKind kind, std::string_view head) {
  switch (kind) {
    case OutputKind::kSession:
      return head == std::string_view(session::kMagic, sizeof session::kMagic);
    case OutputKind::kFlat:
      return head == std::string_view(runtime::kFlatMagic, sizeof runtime::kFlatMagic);
    case OutputKind::kJson:
      return head.starts_with("{");
    case OutputKind::kHtml:
      return head.starts_with("<!DOCTYP");
    case OutputKind::kCsv:
      // How the tables of `terrace export` and `terrace wall` begin.
      return head.starts_with("machine,") || head.starts_with("begin_seconds,") ||
             head.starts_with("object,") || head.starts_with("at_seconds,") ||
             head.starts_with("tier,");
    case OutputKind::kGzip:
      return head.starts_with("\x1f\x8b");
  }
  return false;
}

Error cannot_write(const std::string& path, int why) {
  return make_error(ErrorCode::kIo, why, "%s: cannot be written: %s", path.c_str(),
                    std::strerror(why));
}

}  // namespace

Status check_overwrite(const std::string& path, OutputKind kind) {
  std::error_code ignored;
  // A device or a pipe is overwritten by nothing; an empty file holds nothing to lose.
  if (!fs::is_regular_file(path, ignored) || fs::file_size(path, ignored) == 0) return ok_status();
  char head[8] = {};
  std::ifstream stream(path, std::ios::binary);
  stream.read(head, sizeof head);
  const auto got = static_cast<std::size_t>(stream.gcount());
  if (looks_like(kind, std::string_view(head, got))) return ok_status();
  return make_error(ErrorCode::kUsage, 0,
                    "%s exists and is no earlier output of this verb; --force overwrites it",
                    path.c_str());
}

Status write_whole(const std::string& path, const std::string& text) {
  std::error_code failed;
  const bool in_place = fs::exists(path, failed) && !fs::is_regular_file(path, failed);
  const std::string target = in_place ? path : path + ".part";
  errno = 0;
  std::ofstream stream(target, std::ios::binary | std::ios::trunc);
  stream << text;
  stream.close();
  if (!stream) {
    const int why = errno != 0 ? errno : EIO;
    if (!in_place) fs::remove(target, failed);
    return cannot_write(path, why);
  }
  if (!in_place) fs::rename(target, path, failed);
  if (!failed) return ok_status();
  const int why = failed.value();
  fs::remove(target, failed);
  return cannot_write(path, why);
}

}  // namespace terrace::cli
