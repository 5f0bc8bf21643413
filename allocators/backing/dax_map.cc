// SPDX-License-Identifier: Apache-2.0
#include "allocators/backing/dax_map.h"

#include <libpmem2.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "allocators/os/dax_device.h"
#include "allocators/os/files.h"
#include "allocators/os/mapping.h"

namespace terrace::backing {
namespace {

struct SourceDeleter {
  void operator()(pmem2_source* source) const { pmem2_source_delete(&source); }
};
struct ConfigDeleter {
  void operator()(pmem2_config* config) const { pmem2_config_delete(&config); }
};
struct MapDeleter {
  void operator()(pmem2_map* map) const { pmem2_map_delete(&map); }
};
using Source = std::unique_ptr<pmem2_source, SourceDeleter>;
using Config = std::unique_ptr<pmem2_config, ConfigDeleter>;
using Map = std::unique_ptr<pmem2_map, MapDeleter>;

/// What libpmem2 said last in this thread. Its codes are -errno or its own from -100000 down; its
/// pmem2_err_to_errno() is declared and not exported (1.12.1 of Debian 12).
Error refused(const std::string& what, int code) {
  const int error = code > PMEM2_E_UNKNOWN ? -code : 0;
  return make_error(ErrorCode::kIo, error,
                    "%s: libpmem2: %s; 'ndctl list -N' and 'daxctl list' show the state of "
                    "devices, 'findmnt -T' that of a file's filesystem",
                    what.c_str(), pmem2_errormsg());
}

struct Range {
  std::uint64_t offset = 0;
  Bytes size;
};

Result<Map> map_source(const std::string& what, const pmem2_source* source, Range range,
                       pmem2_granularity coarsest) {
  pmem2_config* raw_config = nullptr;
  if (const int code = pmem2_config_new(&raw_config); code != 0) return refused(what, code);
  const Config config(raw_config);
  pmem2_map* map = nullptr;
  int code = pmem2_config_set_required_store_granularity(raw_config, coarsest);
  if (code == 0) code = pmem2_config_set_sharing(raw_config, PMEM2_SHARED);
  if (code == 0) code = pmem2_config_set_offset(raw_config, range.offset);
  if (code == 0) code = pmem2_config_set_length(raw_config, range.size.value);
  if (code == 0) code = pmem2_map_new(&map, raw_config, source);
  if (code != 0) return refused(what, code);
  return Map(map);
}

/// The copy of a map of byte granularity, which libpmem2 gives to anonymous memory: the plain
/// streaming loop. A file's map has one that calls msync on what it wrote, and abort() when the
/// storage fails (libpmem2 1.12, persist.c); moving to a tier wants neither.
struct Copier {
  Map page;  ///< kept as long as its function
  pmem2_memcpy_fn copy = nullptr;
};

Result<Copier> make_copier() {
  const std::string what = "streaming copy";
  const Bytes page = KiB(4);
  pmem2_source* raw_source = nullptr;
  const int code = pmem2_source_from_anon(&raw_source, page.value);
  if (code != 0) return refused(what, code);
  const Source source(raw_source);
  auto map = map_source(what, raw_source, {0, page}, PMEM2_GRANULARITY_BYTE);
  if (!map) return map.error();
  const pmem2_memcpy_fn copy = pmem2_get_memcpy_fn(map->get());
  return Copier{std::move(*map), copy};
}

const Result<Copier>& copier() {
  static const Result<Copier> made = make_copier();
  return made;
}

/// Without PMEM2_F_MEM_NODRAIN: streaming stores are weakly ordered, and a thread that learns of
/// the copy must find it.
void copy_streaming(void* to, const void* from, std::size_t size) {
  copier()->copy(to, from, size, PMEM2_F_MEM_NONTEMPORAL);
}

void copy_plainly(void* to, const void* from, std::size_t size) {
  std::memcpy(to, from, size);
}

/// An open device or file. Its descriptor may close before a mapping of it ends.
struct Opened {
  explicit Opened(const os::DaxDevice& opened) : device(opened) {}
  ~Opened() { os::close_file(device.fd); }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;
  const os::DaxDevice device;
};

/// Address space that is ours and not libpmem2's to end.
struct Unmap {
  Bytes size;
  void operator()(void* start) const { os::unmap(start, size); }
};
using Space = std::unique_ptr<void, Unmap>;

Granularity granularity_of(const Map& map) {
  switch (pmem2_map_get_store_granularity(map.get())) {
    case PMEM2_GRANULARITY_BYTE:
      return Granularity::kByte;
    case PMEM2_GRANULARITY_CACHE_LINE:
      return Granularity::kCacheLine;
    case PMEM2_GRANULARITY_PAGE:
      break;
  }
  return Granularity::kPage;
}

Status check_range(const std::string& path, const os::DaxDevice& device, Range range) {
  const std::uint64_t unit = device.mapping_unit.value;
  const bool inside = range.size.value != 0 && range.size <= device.size &&
                      range.offset <= (device.size - range.size).value;
  if (inside && range.offset % unit == 0 && range.size.value % unit == 0) return ok_status();
  const unsigned long long end = range.offset + range.size.value;
  return make_error(ErrorCode::kUsage, 0,
                    "%s: bytes %llu to %llu cannot be mapped; it has %llu, to be mapped in units "
                    "of %llu, and a file is made larger by 'truncate -s SIZE'",
                    path.c_str(), static_cast<unsigned long long>(range.offset), end,
                    static_cast<unsigned long long>(device.size.value),
                    static_cast<unsigned long long>(unit));
}

struct Mapping {
  Space space;  ///< empty for what libpmem2 mapped; goes after `map`
  Map map;
};

/// libpmem2 1.12 asks libndctl about every device, and ends the process by SIGSEGV for one that
/// libndctl does not know, as CXL memory's (pmem2_region_namespace finds none and reports success).
/// Such a device is mapped here, and libpmem2 is told of the mapping.
Result<Mapping> map_for_libpmem2(const std::string& path, const os::DaxDevice& device,
                                 const pmem2_source* source, Range range) {
  const Bytes unit = std::max(device.mapping_unit, kBlockBytes);
  const Bytes with_slack = round_up_to_block(range.size) + unit;
  Space space(os::reserve_address_space(with_slack), Unmap{with_slack});
  const auto start = reinterpret_cast<std::uintptr_t>(space.get());
  void* const at = reinterpret_cast<void*>((start + unit.value - 1) / unit.value * unit.value);
  const int error =
      space == nullptr ? ENOMEM : os::map_shared_file(at, range.size, device.fd, range.offset);
  if (error != 0) {
    return make_error(ErrorCode::kIo, error, "%s: mmap of %llu bytes: %s", path.c_str(),
                      static_cast<unsigned long long>(range.size.value), std::strerror(error));
  }
  pmem2_map* map = nullptr;
  const int code =
      pmem2_map_from_existing(&map, source, at, range.size.value, PMEM2_GRANULARITY_CACHE_LINE);
  if (code != 0) return refused(path, code);
  return Mapping{std::move(space), Map(map)};
}

Result<Mapping> map_range(const std::string& path, const os::DaxDevice& device, Range range) {
  if (Status inside = check_range(path, device, range); !inside) return inside.error();
  pmem2_source* raw_source = nullptr;
  const int code = pmem2_source_from_fd(&raw_source, device.fd);
  if (code != 0) return refused(path, code);
  const Source source(raw_source);
  if (device.kind == os::DaxKind::kDevice && !device.on_nvdimm_bus) {
    return map_for_libpmem2(path, device, raw_source, range);
  }
  auto map = map_source(path, raw_source, range, PMEM2_GRANULARITY_PAGE);
  if (!map) return map.error();
  return Mapping{Space(), std::move(*map)};
}

DaxFacts facts_of(const std::string& path, const os::DaxDevice& device, const Mapping& mapping) {
  const bool folder = device.kind == os::DaxKind::kUnnamedFile;
  return {path, folder ? os::storage_left(device.fd) : device.size, device.mapping_unit,
          granularity_of(mapping.map), device.kind == os::DaxKind::kDevice};
}

}  // namespace

struct DaxMap::Handle {
  DaxFacts facts;
  Mapping mapping;
};

Result<DaxFacts> examine_dax(const std::string& path) {
  const auto device = os::open_dax(path.c_str(), kBlockBytes);
  if (!device) return device.error();
  const Opened opened(*device);
  const std::uint64_t unit = device->mapping_unit.value;
  const Bytes least = std::min(std::max(device->mapping_unit, kBlockBytes), device->size);
  const auto mapping = map_range(path, *device, {0, Bytes(least.value / unit * unit)});
  if (!mapping) return mapping.error();
  return facts_of(path, *device, *mapping);
}

std::string granularity_warning(const DaxFacts& facts) {
  if (facts.granularity != Granularity::kPage) return {};
  return facts.path +
         ": the page cache stands between this tier and its storage (store granularity PAGE): it "
         "takes RAM for as much as it keeps there, and runs at storage's speed beyond that; for "
         "memory's, use a devdax device or a file system mounted with -o dax (fsdax)";
}

StreamCopy streaming_copy() {
  return copier() ? &copy_streaming : &copy_plainly;
}

Result<std::unique_ptr<DaxMap>> DaxMap::open(const std::string& path, std::uint64_t offset,
                                             Bytes size) {
  if (!copier()) return copier().error();
  const auto device = os::open_dax(path.c_str(), Bytes(offset) + size);
  if (!device) return device.error();
  const Opened opened(*device);
  auto mapping = map_range(path, *device, {offset, size});
  if (!mapping) return mapping.error();
  DaxFacts facts = facts_of(path, *device, *mapping);
  auto handle = std::make_unique<Handle>(Handle{std::move(facts), std::move(*mapping)});
  return std::unique_ptr<DaxMap>(new DaxMap(std::move(handle)));
}

DaxMap::DaxMap(std::unique_ptr<Handle> handle) : handle_(std::move(handle)) {}
DaxMap::~DaxMap() = default;

const DaxFacts& DaxMap::facts() const {
  return handle_->facts;
}

char* DaxMap::data() const {
  return static_cast<char*>(pmem2_map_get_address(handle_->mapping.map.get()));
}

Bytes DaxMap::size() const {
  return Bytes(pmem2_map_get_size(handle_->mapping.map.get()));
}

void DaxMap::stream(void* to, const void* from, Bytes size) const {
  copy_streaming(to, from, size.value);
}

}  // namespace terrace::backing
