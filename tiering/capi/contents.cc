// SPDX-License-Identifier: Apache-2.0
// Content that comes from elsewhere: a file's bytes, and memory that the caller has already.
#include <cerrno>
#include <string>

#include "allocators/os/files.h"
#include "allocators/os/mapping_facts.h"
#include "tiering/capi/context.h"
#include "tiering/capi/loader.h"

namespace terrace::capi {
namespace {

constexpr std::uint64_t kPage = 4096;

struct OwnedFile {
  os::OpenedFile file;
  explicit OwnedFile(const char* path) : file(os::open_for_reading(path)) {}
  ~OwnedFile() { os::close_descriptor(file.fd); }
  OwnedFile(const OwnedFile&) = delete;
  OwnedFile& operator=(const OwnedFile&) = delete;
};

unsigned long long number(std::uint64_t value) {
  return value;
}

terrace_status check_load(const terrace_load_options& options) {
  constexpr std::uint32_t kKnown =
      TERRACE_LOAD_CHECKSUM | TERRACE_LOAD_VERIFY | TERRACE_LOAD_CRC32C | TERRACE_LOAD_RESTORABLE;
  constexpr std::uint32_t kSums = TERRACE_LOAD_CHECKSUM | TERRACE_LOAD_VERIFY;
  if (options.path == nullptr) {
    return fail(TERRACE_BAD_ARGUMENT, "terrace_load_options.path is null");
  }
  if ((options.flags & ~kKnown) != 0) {
    return fail(TERRACE_BAD_ARGUMENT, "terrace_load_options.flags has an unknown bit: %#x",
                options.flags);
  }
  if ((options.flags & TERRACE_LOAD_CRC32C) != 0 && (options.flags & kSums) == 0) {
    return fail(TERRACE_BAD_ARGUMENT,
                "TERRACE_LOAD_CRC32C says which checksum; with TERRACE_LOAD_CHECKSUM it is worked "
                "out, with TERRACE_LOAD_VERIFY compared");
  }
  if (options.threads > 16) {
    return fail(TERRACE_BAD_ARGUMENT, "%u threads to load with; 16 at most", options.threads);
  }
  return TERRACE_OK;
}

/// The size that is meant, all of which lies in the file and in the tensor.
terrace_status size_to_load(const terrace_load_options& options, Bytes tensor, int fd,
                            Bytes& size) {
  if (options.tensor_offset >= tensor.value) {
    return fail(TERRACE_BAD_ARGUMENT, "byte %llu of a tensor of %llu",
                number(options.tensor_offset), number(tensor.value));
  }
  const std::uint64_t room = tensor.value - options.tensor_offset;
  size = Bytes(options.bytes == 0 ? room : options.bytes);
  if (size.value > room) {
    return fail(TERRACE_BAD_ARGUMENT, "%llu bytes do not fit: the tensor has %llu from there on",
                number(size.value), number(room));
  }
  const std::int64_t there = os::regular_file_size(fd);
  if (there < 0) return fail(TERRACE_IO, "%s is not a regular file", options.path);
  const auto file = static_cast<std::uint64_t>(there);
  if (options.file_offset <= file && size.value <= file - options.file_offset) return TERRACE_OK;
  return fail(TERRACE_IO, "%s has %llu bytes, and %llu from byte %llu on are wanted", options.path,
              number(file), number(size.value), number(options.file_offset));
}

Checksum checksum_of(const terrace_load_options& options) {
  if ((options.flags & (TERRACE_LOAD_CHECKSUM | TERRACE_LOAD_VERIFY)) == 0) return Checksum::kNone;
  return (options.flags & TERRACE_LOAD_CRC32C) != 0 ? Checksum::kCrc32c : Checksum::kCrc32;
}

terrace_status load_into(const LoadRequest& request, const terrace_load_options& options,
                         terrace_load_report& report) {
  const LoadOutcome outcome = load_file(request);
  if (outcome.error == ENODATA) {
    return fail(TERRACE_IO, "%s became shorter while it was read", options.path);
  }
  if (outcome.error != 0) return fail_by_errno(outcome.error, options.path);
  report.crc32 = outcome.checksum;
  report.cached_bytes = outcome.cached.value;
  report.direct_bytes = outcome.direct.value;
  report.buffered_bytes = outcome.buffered.value;
  if ((options.flags & TERRACE_LOAD_VERIFY) != 0 && outcome.checksum != options.crc32) {
    return fail(TERRACE_CORRUPT, "%s: the bytes' %s is %08x and not %08x", options.path,
                request.checksum == Checksum::kCrc32c ? "CRC-32C" : "CRC-32", outcome.checksum,
                options.crc32);
  }
  return TERRACE_OK;
}

/// Is [begin, end) mapped, writable or not, without a gap?
terrace_status check_mapped(std::uintptr_t begin, std::uintptr_t end) {
  auto reader = os::MappingReader::open(0, os::MappingDetail::kPlain);
  if (!reader) return fail(reader.error());
  std::uintptr_t reached = begin;
  while (const auto mapping = reader->next()) {
    if (mapping->end <= reached) continue;
    if (mapping->begin > reached) break;
    reached = mapping->end;
    if (reached >= end) return TERRACE_OK;
  }
  return fail(TERRACE_BAD_ARGUMENT, "nothing is mapped at %#llx, a part of what is to be adopted",
              number(reached));
}

}  // namespace

terrace_status Context::load(const TensorRef& tensor, const terrace_load_options& options,
                             terrace_load_report& report) {
  const terrace_status checked = check_load(options);
  if (checked != TERRACE_OK) return checked;
  const terrace_status begun = begin_use(*tensor);
  if (begun != TERRACE_OK) return begun;
  struct Use {
    Context& context;
    Tensor& tensor;
    ~Use() { context.end_use(tensor); }
  } const use{*this, *tensor};
  const OwnedFile source(options.path);
  if (source.file.fd < 0) return fail_by_errno(source.file.error, options.path);
  LoadRequest request;
  terrace_status done = size_to_load(options, tensor->bytes, source.file.fd, request.size);
  if (done != TERRACE_OK) return done;
  request.fd = source.file.fd;
  request.offset = options.file_offset;
  request.to = tensor->address + options.tensor_offset;
  if (options.threads != 0) request.threads = options.threads;
  request.checksum = checksum_of(options);
  KeptRange range{options.tensor_offset, options.tensor_offset + request.size.value,
                  options.file_offset, nullptr};
  done = begin_load(*tensor, options, request.fd, range);
  if (done == TERRACE_OK) done = load_into(request, options, report);
  if (done == TERRACE_OK) end_load(*tensor, std::move(range));
  return done;
}

/// Under memory_lock_.
void Context::keep(Tensor& tensor, std::vector<KeptRange> ranges) {
  if (losses_ == nullptr || tensor.object == nullptr) return;
  tensor.kept = std::move(ranges);
  losses_->keep(*tensor.object, tensor.kept);
}

/// What is read now takes the place of what could be read again.
terrace_status Context::begin_load(Tensor& tensor, const terrace_load_options& options, int fd,
                                   KeptRange& range) {
  if (losses_ == nullptr) return TERRACE_OK;
  const std::lock_guard lock(memory_lock_);
  keep(tensor, without(tensor.kept, range.begin, range.end));
  if ((options.flags & TERRACE_LOAD_RESTORABLE) == 0) return TERRACE_OK;
  range.file = losses_->open_again(fd);
  if (range.file != nullptr) return TERRACE_OK;
  return fail(TERRACE_IO, "%s cannot be kept open: no descriptor is left (ulimit -n)",
              options.path);
}

void Context::end_load(Tensor& tensor, KeptRange range) {
  if (range.file == nullptr || !range.file->is_unchanged()) return;
  const std::lock_guard lock(memory_lock_);
  // Another thread may have loaded other bytes meanwhile.
  std::vector<KeptRange> ranges = without(tensor.kept, range.begin, range.end);
  insert(ranges, std::move(range));
  keep(tensor, std::move(ranges));
}

/// Overlaps no tensor's memory. Under memory_lock_.
terrace_status Context::check_free_range(const char* begin, const char* end) const {
  const auto* const arena = static_cast<const char*>(memory_->arena.base());
  const char* const arena_end =
      arena + (static_cast<std::uint64_t>(memory_->arena.block_count()) << kBlockShift);
  if (begin < arena_end && end > arena) {
    return fail(TERRACE_BUSY, "part of it is the context's own memory already");
  }
  auto next = adopted_.lower_bound(begin);
  bool taken = next != adopted_.end() && next->first < end;
  if (!taken && next != adopted_.begin()) {
    const Tensor& before = *(--next)->second;
    taken = before.address + before.bytes.value > begin;
  }
  return taken ? fail(TERRACE_BUSY, "part of it is adopted already") : TERRACE_OK;
}

terrace_status Context::adopt(void* address, const terrace_tensor_options& options,
                              TensorRef& tensor) {
  const auto begin = reinterpret_cast<std::uintptr_t>(address);
  auto made = std::make_shared<Tensor>();
  const terrace_status shaped = read_identity(options, *made);
  if (shaped != TERRACE_OK) return shaped;
  if (address == nullptr || begin % kPage != 0 || options.bytes % kPage != 0) {
    return fail(TERRACE_BAD_ARGUMENT,
                "%llu bytes at %p; adopted memory is whole pages of 4 KiB (map it by mmap)",
                static_cast<unsigned long long>(options.bytes), address);
  }
  const terrace_status mapped = check_mapped(begin, begin + options.bytes);
  if (mapped != TERRACE_OK) return mapped;
  made->adopted = true;
  made->address = static_cast<char*>(address);
  made->bytes = Bytes(options.bytes);
  {
    const std::lock_guard lock(memory_lock_);
    const terrace_status there = check_free_range(made->address, made->address + options.bytes);
    if (there != TERRACE_OK) return there;
    adopted_.emplace(made->address, made);
  }
  const terrace_status named = name(made);
  if (named == TERRACE_OK) tensor = std::move(made);
  return named;
}

}  // namespace terrace::capi
