// SPDX-License-Identifier: Apache-2.0
#include "allocators/kv/pool_examine.h"

#include <libpmemobj.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "allocators/os/files.h"

namespace terrace::kv {
namespace {

// The layout of pools of major version 6 (libpmemobj 1.5 to 2.1): a page of header, a descriptor
// that names the lanes, and lanes of three logs.
constexpr char kSignature[8] = "PMEMOBJ";
constexpr std::uint32_t kMajor = 6;
constexpr std::uint64_t kMajorAt = 8;
constexpr std::uint64_t kLanesAt = 4096 + PMEMOBJ_MAX_LAYOUT;
constexpr std::uint64_t kLaneBytes = 3072;
constexpr std::uint64_t kMostLanes = 65536;

struct LogHead {
  std::uint64_t checksum;
  std::uint64_t next;
  std::uint64_t capacity;
  std::uint64_t generation;
  std::uint64_t flags;
  std::uint64_t unused[3];
};
struct LogPlace {
  std::uint64_t at;
  std::uint64_t capacity;
};
constexpr LogPlace kLogs[] = {{0, 192}, {256, 640}, {960, 2048}};

struct Lanes {
  std::uint64_t offset;
  std::uint64_t count;
};

class OpenFile {
 public:
  explicit OpenFile(const std::string& path) : file_(os::open_for_reading(path.c_str())) {}
  ~OpenFile() {
    if (file_.fd >= 0) os::close_descriptor(file_.fd);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  int fd() const { return file_.fd; }
  int error() const { return file_.error; }

 private:
  os::OpenedFile file_;
};

Error unreadable(const std::string& path, int error) {
  return make_error(ErrorCode::kIo, error, "%s: the prefix store cannot be read: %s", path.c_str(),
                    std::strerror(error));
}

Error damaged(const std::string& path) {
  return make_error(ErrorCode::kCheckFailed, 0,
                    "%s: the prefix store is damaged (logs of libpmemobj); remove the file to "
                    "begin with an empty one, nothing but time is lost",
                    path.c_str());
}

Error foreign(const std::string& path, std::int64_t size) {
  return make_error(ErrorCode::kCheckFailed, 0,
                    "%s: no prefix store: %lld bytes that are no pool of libpmemobj; give another "
                    "path, or remove the file to begin with an empty one",
                    path.c_str(), static_cast<long long>(size));
}

/// Entries of a redo log are pairs of words, the first with the operation in its upper three bits;
/// a word of 0 ends them. libpmemobj goes on for ever behind an operation that it does not know.
bool entries_end(const std::byte* log, std::uint64_t capacity) {
  constexpr std::uint64_t kOperationsOfRedoLogs = 3;
  for (std::uint64_t at = 0; at < capacity; at += 16) {
    std::uint64_t word = 0;
    std::memcpy(&word, log + sizeof(LogHead) + at, sizeof word);
    if (word == 0) return true;
    if (word >> 61 >= kOperationsOfRedoLogs) return false;
  }
  return true;
}

/// Nothing of ours is ever in a log that goes on elsewhere: transactions are not used, and a pool
/// that was being made has no name. A log that was used and emptied has no capacity.
bool is_at_rest(const std::byte* lane) {
  return std::ranges::all_of(kLogs, [lane](const LogPlace& place) {
    LogHead head;
    std::memcpy(&head, lane + place.at, sizeof head);
    return head.next == 0 && head.flags == 0 &&
           (head.capacity == place.capacity || head.capacity == 0) &&
           entries_end(lane + place.at, place.capacity);
  });
}

Status check_lanes(const std::string& path, int fd, Bytes size) {
  Lanes lanes{};
  if (const int error = os::read_fully(fd, &lanes, sizeof lanes, kLanesAt); error != 0) {
    return unreadable(path, error);
  }
  const bool inside = lanes.count != 0 && lanes.count <= kMostLanes && lanes.offset <= size.value &&
                      lanes.count * kLaneBytes <= size.value - lanes.offset;
  if (!inside) return damaged(path);
  std::vector<std::byte> bytes(lanes.count * kLaneBytes);
  if (const int error = os::read_fully(fd, bytes.data(), bytes.size(), lanes.offset); error != 0) {
    return unreadable(path, error);
  }
  for (std::uint64_t i = 0; i < lanes.count; ++i) {
    if (!is_at_rest(bytes.data() + i * kLaneBytes)) return damaged(path);
  }
  return ok_status();
}

}  // namespace

Result<Bytes> examine_pool(const std::string& path) {
  const OpenFile file(path);
  if (file.fd() < 0) return unreadable(path, file.error());
  const std::int64_t size = os::regular_file_size(file.fd());
  if (size < static_cast<std::int64_t>(PMEMOBJ_MIN_POOL)) return foreign(path, size);
  char signature[sizeof kSignature];
  std::uint32_t major = 0;
  int error = os::read_fully(file.fd(), signature, sizeof signature, 0);
  if (error == 0) error = os::read_fully(file.fd(), &major, sizeof major, kMajorAt);
  if (error != 0) return unreadable(path, error);
  if (std::memcmp(signature, kSignature, sizeof signature) != 0) return foreign(path, size);
  const Bytes bytes(static_cast<std::uint64_t>(size));
  // Of another major version it is libpmemobj that refuses.
  if (major != kMajor) return bytes;
  if (Status lanes = check_lanes(path, file.fd(), bytes); !lanes) return lanes.error();
  return bytes;
}

}  // namespace terrace::kv
