// SPDX-License-Identifier: Apache-2.0
// Weights from a file straight into their place, at any offset on either side, with their checksum.
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/capi/check.h"
#include "tests/capi/machine.h"

static const uint64_t kMiB = 1 << 20;
enum { kFileBytes = 11 * 1024 * 1024 + 777 };
static unsigned char content[kFileBytes];
static char path[256];

static void write_file(void) {
  const char* folder = getenv("TMPDIR");
  snprintf(path, sizeof path, "%s/terrace-load-%d.bin", folder != NULL ? folder : "/tmp",
           (int)getpid());
  uint32_t state = 1;
  for (int i = 0; i < kFileBytes; ++i) {
    state = state * 1664525u + 1013904223u;
    content[i] = (unsigned char)(state >> 24);
  }
  FILE* file = fopen(path, "wb");
  CHECK(file != NULL && fwrite(content, 1, kFileBytes, file) == kFileBytes && fclose(file) == 0);
}

static const uint32_t kIeee = 0xEDB88320u;
static const uint32_t kCastagnoli = 0x82F63B78u;

/// What a bitwise CRC-32 gives, so that the library is not asked about itself.
static uint32_t crc_by(uint32_t polynomial, const unsigned char* bytes, uint64_t size) {
  uint32_t state = ~0u;
  for (uint64_t i = 0; i < size; ++i) {
    state ^= bytes[i];
    for (int bit = 0; bit < 8; ++bit) state = (state >> 1) ^ ((state & 1) ? polynomial : 0);
  }
  return ~state;
}

static uint32_t crc_of(const unsigned char* bytes, uint64_t size) {
  return crc_by(kIeee, bytes, size);
}

struct Range {
  uint64_t file_offset;
  uint64_t tensor_offset;
  uint64_t bytes;
};

static void check_range(terrace_tensor tensor, unsigned char* at, struct Range range) {
  memset(at, 0xAA, 12 * kMiB);
  const terrace_load_options options = {.struct_size = sizeof options,
                                        .flags = TERRACE_LOAD_CHECKSUM,
                                        .path = path,
                                        .file_offset = range.file_offset,
                                        .bytes = range.bytes,
                                        .tensor_offset = range.tensor_offset};
  terrace_load_report report = {.struct_size = sizeof report};
  CHECK_STATUS(TERRACE_OK, terrace_load(tensor, &options, &report));
  const unsigned char* begin = at + range.tensor_offset;
  CHECK(memcmp(begin, content + range.file_offset, range.bytes) == 0);
  CHECK(report.crc32 == crc_of(content + range.file_offset, range.bytes));
  CHECK(report.cached_bytes + report.direct_bytes + report.buffered_bytes >= range.bytes);
  terrace_load_options castagnoli = options;
  castagnoli.flags |= TERRACE_LOAD_CRC32C;
  CHECK_STATUS(TERRACE_OK, terrace_load(tensor, &castagnoli, &report));
  CHECK(report.crc32 == crc_by(kCastagnoli, content + range.file_offset, range.bytes));
  // Nothing beside the range was touched.
  CHECK(range.tensor_offset == 0 || begin[-1] == 0xAA);
  CHECK(begin[range.bytes] == 0xAA);
}

static void any_range_lands_whole(terrace_tensor tensor, unsigned char* at) {
  const struct Range ranges[] = {{0, 0, kFileBytes},
                                 {4096, 8192, 5 * 1024 * 1024},
                                 {1, 0, 4096},
                                 {4097, 1, 9 * 1024 * 1024 + 1},
                                 {777, 777, 7 * 1024 * 1024},
                                 {kFileBytes - 1, 5, 1},
                                 {4 * 1024 * 1024, 3, 4096}};
  for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; ++i) check_range(tensor, at, ranges[i]);
}

static void differing_checksum_is_told(terrace_tensor tensor) {
  terrace_load_options options = {.struct_size = sizeof options,
                                  .flags = TERRACE_LOAD_VERIFY,
                                  .path = path,
                                  .bytes = 5000,
                                  .crc32 = crc_of(content, 5000)};
  CHECK_STATUS(TERRACE_OK, terrace_load(tensor, &options, NULL));
  options.crc32 ^= 1;
  CHECK_STATUS(TERRACE_CORRUPT, terrace_load(tensor, &options, NULL));
  CHECK(said(path));
  options.flags |= TERRACE_LOAD_CRC32C;
  CHECK_STATUS(TERRACE_CORRUPT, terrace_load(tensor, &options, NULL));
  CHECK(said("CRC-32C"));
  options.crc32 = crc_by(kCastagnoli, content, 5000);
  CHECK_STATUS(TERRACE_OK, terrace_load(tensor, &options, NULL));
  options.flags = TERRACE_LOAD_CRC32C;
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_load(tensor, &options, NULL));
  CHECK(crc_by(kCastagnoli, (const unsigned char*)"123456789", 9) == 0xE3069283u);
}

static void what_cannot_be_read_is_told(terrace_tensor tensor) {
  terrace_load_options options = {.struct_size = sizeof options, .path = "/nonexistent"};
  CHECK_STATUS(TERRACE_IO, terrace_load(tensor, &options, NULL));
  CHECK(said("/nonexistent"));
  options.path = "/tmp";
  CHECK_STATUS(TERRACE_IO, terrace_load(tensor, &options, NULL));
  options.path = path;
  options.file_offset = kFileBytes - 10;
  options.bytes = 11;
  CHECK_STATUS(TERRACE_IO, terrace_load(tensor, &options, NULL));
  options.file_offset = UINT64_MAX;
  CHECK_STATUS(TERRACE_IO, terrace_load(tensor, &options, NULL));
  options.file_offset = 0;
  options.bytes = UINT64_MAX;
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_load(tensor, &options, NULL));
  options.bytes = 1;
  options.tensor_offset = 12 * kMiB;
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_load(tensor, &options, NULL));
  options.tensor_offset = 0;
  options.threads = 17;
  CHECK_STATUS(TERRACE_BAD_ARGUMENT, terrace_load(tensor, &options, NULL));
}

int main(void) {
  terrace_context machine;
  CHECK_STATUS(TERRACE_OK, open_machine(&machine));
  write_file();
  const char* const tiers[] = {"near", "far"};
  for (int i = 0; i < 2 && failures == 0; ++i) {
    const terrace_tensor_options options = {
        .struct_size = sizeof options, .bytes = 12 * kMiB, .tier = tiers[i]};
    terrace_tensor tensor;
    void* at = NULL;
    CHECK_STATUS(TERRACE_OK, terrace_allocate(machine, &options, &tensor, &at));
    any_range_lands_whole(tensor, at);
    differing_checksum_is_told(tensor);
    what_cannot_be_read_is_told(tensor);
    CHECK_STATUS(TERRACE_OK, terrace_free(tensor));
  }
  CHECK_STATUS(TERRACE_OK, terrace_close(machine));
  unlink(path);
  forget_machine();
  return failures == 0 ? 0 : 1;
}
