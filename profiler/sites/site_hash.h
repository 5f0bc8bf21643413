// SPDX-License-Identifier: Apache-2.0
// The hashes that call-sites are known by. They are kept in sessions and plans: the same on every
// machine and in every run, and a change here makes old plans match nothing.
// Pure functions; thread-safe, async-signal-safe.
#pragma once

#include <bit>
#include <cstdint>

namespace terrace::sites {

inline constexpr std::uint64_t kFnvOffset = 0xcbf29ce484222325ULL;
inline constexpr std::uint64_t kFnvPrime = 0x100000001b3ULL;

/// Little-endian whatever the machine.
constexpr std::uint64_t mix_number(std::uint64_t hash, std::uint64_t value) {
  for (int shift = 0; shift < 64; shift += 8) hash = (hash ^ ((value >> shift) & 0xff)) * kFnvPrime;
  return hash;
}

constexpr std::uint64_t mix_text(std::uint64_t hash, const char* text) {
  for (; *text != '\0'; ++text) hash = (hash ^ static_cast<unsigned char>(*text)) * kFnvPrime;
  return hash;
}

/// FNV leaves the last bytes in the low bits; this spreads them (the finaliser of MurmurHash3).
constexpr std::uint64_t finish(std::uint64_t hash) {
  hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccdULL;
  hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53ULL;
  return hash ^ (hash >> 33);
}

/// Takes a frame's key, which is spread already, into a site's hash. Order counts: one multiply a
/// frame, where FNV over the key's bytes would be eight.
constexpr std::uint64_t mix_key(std::uint64_t hash, std::uint64_t key) {
  return (std::rotl(hash, 29) ^ key) * 0x9fb21c651e98df25ULL;
}

constexpr const char* base_name(const char* path) {
  const char* name = path;
  for (const char* at = path; *at != '\0'; ++at) {
    if (*at == '/') name = at + 1;
  }
  return name;
}

/// Of a file mapping: the same for every process that maps this part of a file of this size.
constexpr std::uint64_t file_site_hash(const char* path, std::uint64_t file_bytes,
                                       std::uint64_t offset) {
  std::uint64_t hash = mix_text(mix_text(kFnvOffset, "file:"), base_name(path));
  hash = mix_number(hash, file_bytes);
  return finish(mix_number(hash, offset));
}

}  // namespace terrace::sites
